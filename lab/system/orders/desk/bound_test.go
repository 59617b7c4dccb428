package desk_test

import (
	"database/sql"
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"workbench/lab"
	"workbench/lab/system/orders"
	"workbench/lab/system/orders/desk"
)

// A number beyond what the file can hold is that of no order, whatever its lower
// bits say, and a user of any number may trade. Both leave a file that a start
// can play, and lists that can be read.
func TestNumbersBeyondTheFile(t *testing.T) {
	const user, beyond = uint64(math.MaxUint64), uint64(1<<63 + 5) // and there is an order 5
	dir := t.TempDir()
	r := with(t, dir, nil)
	for _, op := range []uint8{orders.Read, orders.Cancel} {
		if res := r.do(t, &lab.Request{Op: op, Key: beyond}); !res.Missing {
			t.Errorf("operation %d on order %d = %+v %s, want it missing", op, beyond, res, res.Body)
		}
	}
	if res := r.do(t, &lab.Request{Op: orders.Read, Key: 5}); !strings.Contains(string(res.Body), `"state":"open"`) {
		t.Errorf("order 5 = %s, want it open: nobody has cancelled it", res.Body)
	}
	req := submit("k", buy)
	req.User = user
	if res := r.do(t, req); res.Status != 202 {
		t.Fatalf("submit as the last user = %+v %s, want 202", res, res.Body)
	}
	for range 2 {
		if got := r.list(t); len(got) != 1 || got[0].Seq != 7 || got[0].Account != user {
			t.Errorf("the list is %+v, want order 7 of user %d", got, user)
		}
		var full desk.Full
		if res := r.do(t, &lab.Request{Op: orders.Read, Key: 7}); json.Unmarshal(res.Body, &full) != nil || full.Account != user {
			t.Errorf("order 7 = %+v %s, want it of user %d", res, res.Body, user)
		}
		r.end(t)
		r = with(t, dir, nil)
	}
}

// What an older version has written with the wrong sign is played and listed.
func TestAnOlderFileIsPlayed(t *testing.T) {
	dir := t.TempDir()
	r := with(t, dir, nil)
	r.do(t, submit("k", buy))
	r.until(t, "it is settled", func() bool { return r.counts.Applied.Load() == 1 })
	before := r.Digest()
	r.end(t)
	db, err := sql.Open("sqlite", filepath.Join(dir, "orders.db"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{
		`INSERT INTO sequence VALUES (8, 1, 0, 0, 0, 0, -9223372036854775803, -1, '', 0)`, // a cancellation that found order 5
		`INSERT INTO sequence VALUES (9, 0, 1, 0, 1000, 10, 0, -1, 'old', 0)`,
	} {
		if _, err := db.ExecContext(t.Context(), row); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	r = with(t, dir, nil)
	if r.Replayed() != 9 || r.Digest() == before {
		t.Errorf("played %d events to digest %x (before: %x), want 9 and another", r.Replayed(), r.Digest(), before)
	}
	if got := r.list(t); len(got) != 2 || got[1].Account != math.MaxUint64 || got[1].Key != "old" {
		t.Errorf("the list is %+v, want the old order of the last user at its end", got)
	}
	if res := r.do(t, &lab.Request{Op: orders.Read, Key: 5}); !strings.Contains(string(res.Body), `"state":"open"`) {
		t.Errorf("order 5 = %s, want it open as it was", res.Body)
	}
}
