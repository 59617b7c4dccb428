package cache

import (
	"encoding/binary"
	"time"

	"workbench/lab"
)

// far is an entry as it is written to Redis.
type far struct {
	res       lab.Response
	ttl, load time.Duration
	lease     farLease
}

// format is the first byte of an entry. Another one is another program's, or
// another version's, and reads as a miss.
const format = 1

// encode writes an entry: format, whether missing, three durations, then the
// lease and the location with their lengths, then the body. Wall-clock times
// are not written: an entry's age follows from its ttl and what is left of it
// in Redis, so clocks may differ and jump.
func encode(f far) []byte {
	b := make([]byte, 0, 64+len(f.lease.epoch)+len(f.lease.token)+len(f.res.Location)+len(f.res.Body))
	b = append(b, format, 0)
	if f.res.Missing {
		b[1] = 1
	}
	for _, d := range []time.Duration{f.ttl, f.load, f.res.Age} {
		b = binary.AppendVarint(b, int64(d))
	}
	for _, s := range []string{f.lease.epoch, f.lease.token, f.res.Location} {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	return append(b, f.res.Body...)
}

// decode reads what encode wrote and reports whether it is whole.
func decode(b []byte) (f far, ok bool) {
	if len(b) < 2 || b[0] != format || b[1] > 1 {
		return far{}, false
	}
	f.res.Missing = b[1] == 1
	b = b[2:]
	for _, d := range []*time.Duration{&f.ttl, &f.load, &f.res.Age} {
		v, n := binary.Varint(b)
		if n <= 0 || v < 0 {
			return far{}, false
		}
		*d, b = time.Duration(v), b[n:]
	}
	for _, s := range []*string{&f.lease.epoch, &f.lease.token, &f.res.Location} {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return far{}, false
		}
		*s, b = string(b[n:n+int(size)]), b[n+int(size):]
	}
	f.res.Body = b
	return f, true
}
