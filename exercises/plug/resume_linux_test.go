package plug_test

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"workbench/exercises/plug"
	"workbench/lab"
)

// What an earlier process had plugged in is compiled and plugged in again; what
// cannot be is said, stays remembered and can be taken out.
func TestResume(t *testing.T) {
	w := open(t)
	bucket, breaker, gate, hedge := w.exercise("token-bucket"), w.exercise("breaker"), w.exercise("fail-fast-gate"), w.exercise("hedge")
	good := answers(t, bucket, bucket.Right[0])
	changed := answers(t, gate, gate.Right[0])
	k := &memory{kept: map[string]plug.Kept{
		"ratelimit":   {Pattern: "ratelimit", Slug: "token-bucket", Digest: plug.Digest(good), Files: good},
		"breaker":     {Pattern: "breaker", Slug: "breaker", Digest: plug.Digest(map[string]string{"breaker.go": "package breaker"}), Files: map[string]string{"breaker.go": "package breaker"}},
		"concurrency": {Pattern: "concurrency", Slug: "fail-fast-gate", Digest: plug.Digest(good), Files: changed},
		"retry":       {Pattern: "retry", Slug: "hedge", Digest: plug.Digest(good), Files: good},
		"queue":       {Pattern: "queue", Slug: "none", Digest: plug.Digest(good), Files: good},
	}}
	b := &bench{slots: map[string]lab.Solution{}}
	d := plug.NewDesk(plug.Config{Lab: b, Grader: w.g, Box: w.box, Dir: t.TempDir(), Guard: quick(), Keep: k, Log: slog.New(slog.DiscardHandler)})
	if err := d.Resume(t.Context(), w.all); err != nil {
		t.Fatal(err)
	}
	d.Settle()
	if !d.Plugged(bucket) || d.Again("token-bucket") != "" || d.Plugged(breaker) || d.Plugged(gate) {
		t.Errorf("plugged in are %v, want ratelimit alone", b.slots)
	}
	for slug, want := range map[string]string{
		"breaker": "the answer cannot be made into a program", "fail-fast-gate": "its files are not those that were accepted",
		"hedge": "no place in the lab any more", "none": "no such exercise",
	} {
		if got := d.Again(slug); !strings.HasPrefix(got, "was plugged in and could not be again, so ours decides: ") || !strings.Contains(got, want) {
			t.Errorf("of %s it says %q, want why: %s", slug, got, want)
		}
	}
	for _, want := range []string{
		"ratelimit: the answer to token-bucket waits to be compiled again", "ratelimit: the answer to token-bucket is being compiled again", "ratelimit: ",
		"queue: the answer to none was plugged in and could not be again, so ours decides: ",
	} {
		if !slices.ContainsFunc(b.remarks, func(r string) bool {
			return r == want || strings.HasSuffix(want, "decides: ") && strings.HasPrefix(r, want)
		}) {
			t.Errorf("the lab was told %q, want %q among it", b.remarks, want)
		}
	}
	if len(k.kept) != 5 {
		t.Errorf("%d are remembered, want all 5: a later version may take them again", len(k.kept))
	}
	if err := d.Unplug(t.Context(), breaker); err != nil || d.Again("breaker") != "" || k.kept["breaker"].Slug != "" {
		t.Errorf("Unplug of what could not be plugged in = %v, it says %q; want it forgotten", err, d.Again("breaker"))
	}
	if err := d.Plug(t.Context(), gate, changed); err != nil || !d.Plugged(gate) || d.Again("fail-fast-gate") != "" || k.kept["concurrency"].Digest != plug.Digest(changed) {
		t.Errorf("Plug of an answer anew = %v, it says %q; want it plugged in and remembered", err, d.Again("fail-fast-gate"))
	}
	k.fail = errors.New("the disk is full")
	if err := d.Plug(t.Context(), gate, changed); !errors.Is(err, k.fail) || !d.Plugged(gate) {
		t.Errorf("Plug that is not remembered = %v, want that it says so", err)
	}
	if err := d.Unplug(t.Context(), hedge); err != nil {
		t.Errorf("Unplug of what has no place = %v, want nil", err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// A desk that is closed at once leaves everything to the next.
func TestResumeBrokenOff(t *testing.T) {
	w := open(t)
	e := w.exercise("token-bucket")
	good := answers(t, e, e.Right[0])
	k := &memory{kept: map[string]plug.Kept{"ratelimit": {Pattern: "ratelimit", Slug: "token-bucket", Digest: plug.Digest(good), Files: good}}}
	b := &bench{slots: map[string]lab.Solution{}}
	d := plug.NewDesk(plug.Config{Lab: b, Grader: w.g, Box: w.box, Dir: t.TempDir(), Guard: quick(), Keep: k, Log: slog.New(slog.DiscardHandler)})
	if err := d.Resume(t.Context(), w.all); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if why := d.Again("token-bucket"); strings.Contains(why, "could not") || len(k.kept) != 1 {
		t.Errorf("it says %q with %d remembered, want that nothing was given up", why, len(k.kept))
	}
}

func TestDigest(t *testing.T) {
	seen := map[string]bool{}
	for _, files := range []map[string]string{{}, {"a": ""}, {"": "a"}, {"a": "b"}, {"ab": ""}, {"a": "", "b": ""}} {
		d := plug.Digest(files)
		if seen[d] || len(d) != 64 {
			t.Errorf("the digest of %v is %s, want 64 digits of its own", files, d)
		}
		seen[d] = true
	}
}
