package load_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"workbench/sim/load"
	"workbench/sim/outcome"
)

const ok = "HTTP/1.1 200 OK\r\n"

var answers = []struct {
	name string
	in   string
	head bool
	eof  bool
	want load.Head
}{
	{name: "length", in: ok + "Content-Length: 2\r\n\r\nok", want: load.Head{Status: 200, Body: 2}},
	{name: "no reason phrase", in: "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", want: load.Head{Status: 200}},
	{name: "same length twice", in: ok + "Content-Length: 1\r\ncontent-length: 1\r\n\r\nx", want: load.Head{Status: 200, Body: 1}},
	{name: "chunked", in: ok + "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
		want: load.Head{Status: 200, Body: 13 + int64(len("Trailer: x\r")+len("\r"))}},
	{name: "until close", in: ok + "\r\nall of it", eof: true, want: load.Head{Status: 200, Body: 9, Close: true}},
	{name: "close", in: ok + "Connection: Close\r\nContent-Length: 0\r\n\r\n", want: load.Head{Status: 200, Close: true}},
	{name: "HTTP/1.0 closes", in: "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", want: load.Head{Status: 200, Close: true}},
	{name: "interim first", in: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok + "Content-Length: 1\r\n\r\nx",
		want: load.Head{Status: 200, Body: 1}},
	{name: "204 has no body", in: "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", want: load.Head{Status: 204}},
	{name: "304 has no body", in: "HTTP/1.1 304 Not Modified\r\n\r\n", want: load.Head{Status: 304}},
	{name: "HEAD has no body", in: ok + "Content-Length: 5\r\n\r\n", head: true, want: load.Head{Status: 200}},
	{name: "named outcome wins", in: "HTTP/1.1 503 x\r\nWorkbench-Outcome: open\r\nWorkbench-Reason: tripped\r\nWorkbench-Retry-After-Ms: 250\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n",
		want: load.Head{Status: 503, Outcome: outcome.Open, Retry: true, Reason: "tripped", RetryAfter: 250 * time.Millisecond}},
	{name: "missing but ok", in: "HTTP/1.1 404 x\r\nWorkbench-Outcome: ok\r\nWorkbench-Cache: hit\r\nContent-Length: 0\r\n\r\n", want: load.Head{Status: 404, Cached: true}},
	{name: "unknown outcome is none", in: "HTTP/1.1 429 x\r\nWorkbench-Outcome: great\r\nRetry-After: 2\r\nContent-Length: 0\r\n\r\n",
		want: load.Head{Status: 429, Outcome: outcome.Limited, Retry: true, RetryAfter: 2 * time.Second}},
	{name: "503", in: "HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", want: load.Head{Status: 503, Outcome: outcome.Shed, Retry: true}},
	{name: "504", in: "HTTP/1.1 504 x\r\nContent-Length: 0\r\n\r\n", want: load.Head{Status: 504, Outcome: outcome.Late, Retry: true}},
	{name: "500", in: "HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n", want: load.Head{Status: 500, Outcome: outcome.Failed, Retry: true}},
	{name: "400 is final", in: "HTTP/1.1 400 x\r\nContent-Length: 0\r\n\r\n", want: load.Head{Status: 400, Outcome: outcome.Failed}},
	{name: "named 400 is final", in: "HTTP/1.1 400 x\r\nWorkbench-Outcome: failed\r\nContent-Length: 0\r\n\r\n", want: load.Head{Status: 400, Outcome: outcome.Failed}},
}

func TestResponse(t *testing.T) {
	for _, c := range answers {
		t.Run(c.name, func(t *testing.T) {
			c.want.Used = len(c.in)
			for piece := 1; piece <= len(c.in); piece++ {
				got, whole, err := load.Read([]byte(c.in), piece, c.head, c.eof)
				if err != nil || !whole || !reflect.DeepEqual(got, c.want) {
					t.Fatalf("in pieces of %d: Read = %+v, %v, %v; want %+v", piece, got, whole, err, c.want)
				}
			}
		})
	}
}

func TestResponseLeavesWhatFollows(t *testing.T) {
	in := ok + "Content-Length: 2\r\n\r\nokHTTP/1.1"
	got, whole, err := load.Read([]byte(in), len(in), false, false)
	if want := len(in) - len("HTTP/1.1"); err != nil || !whole || got.Used != want {
		t.Fatalf("Read used %d, %v, %v; want %d bytes", got.Used, whole, err, want)
	}
}

func TestResponseRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"not HTTP":               "SSH-2.0-OpenSSH_9.6\r\n\r\n",
		"HTTP/2":                 "HTTP/2.0 200 OK\r\n\r\n",
		"short status":           "HTTP/1.1 20 OK\r\n\r\n",
		"status 999":             "HTTP/1.1 999 x\r\n\r\n",
		"switching protocols":    "HTTP/1.1 101 x\r\n\r\n",
		"bare line feed":         "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
		"bare line feed in head": ok + "A: b\nContent-Length: 0\r\n\r\n",
		"no colon":               ok + "Content-Length 0\r\n\r\n",
		"space before colon":     ok + "Content-Length : 0\r\n\r\n",
		"folded line":            ok + "A: b\r\n c: d\r\n\r\n",
		"empty name":             ok + ": b\r\n\r\n",
		"two lengths":            ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"length list":            ok + "Content-Length: 1, 1\r\n\r\n",
		"negative length":        ok + "Content-Length: -1\r\n\r\n",
		"huge length":            ok + "Content-Length: 99999999999999999999\r\n\r\n",
		"length over the bound":  ok + "Content-Length: 8388609\r\n\r\n",
		"length and chunked":     ok + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"gzip, chunked":          ok + "Transfer-Encoding: gzip, chunked\r\n\r\n",
		"bad chunk size":         ok + "Transfer-Encoding: chunked\r\n\r\nx\r\n",
		"huge chunk":             ok + "Transfer-Encoding: chunked\r\n\r\nfffffff\r\n",
		"chunk without end":      ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
		"chunk with bare lf":     ok + "Transfer-Encoding: chunked\r\n\r\n1\na\r\n",
		"endless interim":        strings.Repeat("HTTP/1.1 100 x\r\n\r\n", 9),
		"head without end":       ok + strings.Repeat("A: b\r\n", 2000),
	} {
		t.Run(name, func(t *testing.T) {
			if got, whole, err := load.Read([]byte(in), len(in), false, false); err == nil {
				t.Errorf("Read = %+v, %v, nil; want an error", got, whole)
			}
		})
	}
}

// FuzzResponse holds that an answer reads the same however it is cut into
// pieces, uses no more than there is, and respects the bound of the body.
func FuzzResponse(f *testing.F) {
	for _, c := range answers {
		f.Add([]byte(c.in), byte(3), c.head)
	}
	f.Fuzz(func(t *testing.T, in []byte, piece byte, head bool) {
		one, whole, err := load.Read(in, max(len(in), 1), head, true)
		if one.Used > len(in) || one.Body > 8<<20 {
			t.Fatalf("Read used %d of %d bytes, body %d", one.Used, len(in), one.Body)
		}
		if err != nil || !whole {
			return
		}
		cut, again, err := load.Read(in, int(piece)+1, head, true)
		if err != nil || !again || !reflect.DeepEqual(one, cut) {
			t.Fatalf("whole: %+v; in pieces of %d: %+v, %v, %v", one, int(piece)+1, cut, again, err)
		}
	})
}
