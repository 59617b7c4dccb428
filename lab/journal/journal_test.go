package journal_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"workbench/lab"
	"workbench/lab/journal"
	"workbench/sim/clock"
)

func open(t *testing.T, size int, s journal.Settings) *journal.Journal {
	t.Helper()
	j, err := journal.New(clock.NewWall(), size, s)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// serve lets n requests through, of which every fourth is shed.
func serve(j *journal.Journal, n int) {
	h := j.Wrap("a", []string{"read"}, lab.HandlerFunc(func(_ context.Context, r *lab.Request) lab.Response {
		if r.ID%4 == 0 {
			return lab.Refuse(lab.Shed, "queue_full", 0)
		}
		return lab.Response{}
	}))
	for i := range n {
		h.Serve(context.Background(), &lab.Request{ID: uint64(i + 1), User: 9, Token: 777777})
	}
}

func TestWhichRequestsGetALine(t *testing.T) {
	for _, c := range []struct {
		set      journal.Settings
		from, to uint64
	}{
		{journal.Settings{Mode: journal.Off}, 0, 0},
		{journal.Settings{Mode: journal.All}, 4000, 4000},
		{journal.Settings{Mode: journal.Errors}, 1000, 1000},
		{journal.Settings{Mode: journal.Sampled, Share: .1}, 330, 470},
		{journal.Settings{Mode: journal.Sampled, Share: 1}, 4000, 4000},
	} {
		j := open(t, 8, c.set)
		serve(j, 4000)
		got := j.Counts()
		if got.Written < c.from || got.Written > c.to {
			t.Errorf("%+v: %d lines, want %d to %d", c.set, got.Written, c.from, c.to)
		}
		if c.set.Mode != journal.Off && got.Written+got.Skipped != 4000 {
			t.Errorf("%+v: %d written and %d skipped, want 4000 together", c.set, got.Written, got.Skipped)
		}
		if got.Held != int(min(8, got.Written)) || got.Pushed != got.Written-uint64(got.Held) {
			t.Errorf("%+v: counts %+v, want 8 held and the rest pushed out", c.set, got)
		}
	}
}

func TestALineSaysWhatHappened(t *testing.T) {
	j := open(t, 10, journal.Settings{Mode: journal.All})
	serve(j, 5)
	warn := slog.LevelWarn
	for _, c := range []struct {
		query journal.Query
		want  int
	}{
		{journal.Query{}, 5}, {journal.Query{Limit: 2}, 2}, {journal.Query{Instance: "a"}, 5}, {journal.Query{Instance: "b"}, 0},
		{journal.Query{Outcome: "shed"}, 1}, {journal.Query{Level: &warn}, 1}, {journal.Query{Trace: "x"}, 0},
	} {
		if got := j.List(c.query); len(got) != c.want {
			t.Errorf("List(%+v) has %d lines, want %d", c.query, len(got), c.want)
		}
	}
	l := j.List(journal.Query{Outcome: "shed"})[0]
	if l.Op != "read" || l.Reason != "queue_full" || l.User != "9" || l.Level != slog.LevelWarn || l.Seq != 4 || l.Text != "request" {
		t.Errorf("the line is %+v, want a warning about read, queue_full, of user 9", l)
	}
	if text := fmt.Sprint(j.List(journal.Query{})); strings.Contains(text, "777777") {
		t.Errorf("a line holds the caller's token: %s", text)
	}
}

func TestSecretsAreTakenOut(t *testing.T) {
	var out bytes.Buffer
	j := open(t, 20, journal.Settings{Mode: journal.Off})
	log := slog.New(j.Handler(slog.NewTextHandler(&out, nil)))
	secrets := []string{"hunter2", "s3cr3t-value", "eyJhbGciOi.eyJzdWIi.c2ln", "abc.def-123"}
	log.Info("opened redis://user:hunter2@127.0.0.1:6379/0", "password", "hunter2", "Authorization", "Bearer abc.def-123")
	log.Warn("refused", "header", "bearer abc.def-123", "url", "/login?token=s3cr3t-value&x=1", "jwt", "eyJhbGciOi.eyJzdWIi.c2ln")
	log.With("api_key", "s3cr3t-value").WithGroup("request").Error("failed", "session_id", "s3cr3t-value", slog.Group("auth", "cookie", "hunter2"), "error", fmt.Errorf("dial http://a:hunter2@b/"))
	kept := fmt.Sprint(j.List(journal.Query{}))
	for _, s := range secrets {
		if strings.Contains(kept, s) || strings.Contains(out.String(), s) {
			t.Errorf("%q is in the log:\n%s\n%s", s, kept, out.String())
		}
	}
	for _, want := range []string{"127.0.0.1:6379", "x=1", "request.session_id", "[redacted]"} {
		if !strings.Contains(kept, want) {
			t.Errorf("%q was taken out too: %s", want, kept)
		}
	}
}

func TestLifecycleLinesGoOnAndRequestsDoNot(t *testing.T) {
	var out bytes.Buffer
	j := open(t, 20, journal.Settings{Mode: journal.All})
	log := slog.New(j.Handler(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelWarn})))
	serve(j, 1)
	log.Info("instance started", "instance", "b")
	log.Warn("redis does not answer", "correlation_id", "c1")
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "redis") {
		t.Errorf("the next handler got %q, want the warning alone", got)
	}
	if lines := j.List(journal.Query{Trace: "c1"}); len(lines) != 1 || len(j.List(journal.Query{})) != 3 {
		t.Errorf("the journal has %v, want three lines and one of c1", j.List(journal.Query{}))
	}
}

func TestAFollowerThatIsSlowMissesLines(t *testing.T) {
	j := open(t, 10, journal.Settings{Mode: journal.All})
	ctx, cancel := context.WithCancel(t.Context())
	lines := j.Watch(ctx)
	serve(j, 300)
	if c := j.Counts(); c.Missed != 300-256 {
		t.Errorf("%d lines were missed, want %d", c.Missed, 300-256)
	}
	if l := <-lines; l.Seq != 1 {
		t.Errorf("the first line that came is %d, want 1", l.Seq)
	}
	cancel()
	for range lines { // it must end
	}
}

func TestSettingsNameWhatIsWrong(t *testing.T) {
	_, err := journal.New(nil, 0, journal.Settings{Mode: "loud", Share: 2})
	for _, want := range []string{"mode is", "share is 2", "size is 0", "clock is nil"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New() = %v, want an error with %q", err, want)
		}
	}
	j := open(t, 1, journal.Defaults())
	if err := j.Set(journal.Settings{Mode: "x"}); err == nil || j.Settings() != journal.Defaults() {
		t.Errorf("Set(mode x) = %v and %+v, want an error and no change", err, j.Settings())
	}
}

func BenchmarkWrap(b *testing.B) {
	for _, mode := range journal.Modes() {
		b.Run(string(mode), func(b *testing.B) {
			j, err := journal.New(clock.NewWall(), 4096, journal.Settings{Mode: mode, Share: .01})
			if err != nil {
				b.Fatal(err)
			}
			h := j.Wrap("a", []string{"read"}, lab.HandlerFunc(func(context.Context, *lab.Request) lab.Response { return lab.Response{} }))
			r := &lab.Request{}
			b.ReportAllocs()
			for b.Loop() {
				r.ID++
				h.Serve(context.Background(), r)
			}
		})
	}
}
