package cache

import (
	"bytes"
	"errors"
	"reflect"
	"testing"
	"time"

	"workbench/lab"
)

// FuzzDecode: what another program left in Redis must never crash the service,
// and what is whole survives a round trip.
func FuzzDecode(f *testing.F) {
	whole := far{
		res: lab.Response{Missing: true, Location: "/x", Body: []byte("body"), Age: time.Second},
		ttl: time.Minute, load: time.Millisecond, lease: farLease{"epoch", "token"},
	}
	if got, ok := decode(encode(whole)); !ok || !reflect.DeepEqual(got, whole) {
		f.Errorf("decode(encode(%+v)) = %+v, %t", whole, got, ok)
	}
	f.Add(encode(whole))
	f.Add([]byte{})
	f.Add([]byte{format, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{format, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, ok := decode(b)
		if !ok {
			return
		}
		again, ok := decode(encode(got))
		if !ok || !bytes.Equal(again.res.Body, got.res.Body) || again.lease != got.lease || again.ttl != got.ttl {
			t.Errorf("decode(encode(%+v)) = %+v, %t", got, again, ok)
		}
	})
}

func TestGuard(t *testing.T) {
	bad := errors.New("no answer")
	var g guard
	step := func(what string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s = %t, want %t", what, got, want)
		}
	}
	at := 5 * time.Second
	step("first failure turns", g.report(at, bad), false)
	step("second failure turns", g.report(at, bad), false)
	step("a success between turns", g.report(at, nil), false)
	for range guardLimit - 1 {
		g.report(at, bad)
	}
	step("up before the limit", g.up(), true)
	step("the last failure turns", g.report(at, bad), true)
	step("up", g.up(), false)
	step("admit at once", g.admit(at), false)
	step("admit just before the pause is over", g.admit(at+guardPause-1), false)
	step("admit after the pause", g.admit(at+guardPause), true)
	step("a second request at the same time", g.admit(at+guardPause), false)
	step("admit if that one never reports", g.admit(at+2*guardPause), true)
	step("a failed probe turns", g.report(at+2*guardPause, bad), false)
	step("a good probe turns", g.report(at+4*guardPause, nil), true)
	step("up again", g.up(), true)
}
