package cache

import (
	"bytes"
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
