// Package null is the least an HTTP/1.1 server can do: it answers every
// request at once with the same few bytes. It shows what a generator can reach
// when nothing else is in the way, and can be told to stall.
package null

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
)

// answer is what every request gets.
const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\nWorkbench-Outcome: ok\r\n\r\nok"

// maxHead bounds what a client may send before the end of a head.
const maxHead = 64 << 10

// Gate holds an answer back. It is called once for each request and returns
// when the answer may be sent; nil never holds any back.
type Gate func()

// Serve answers the requests on l until ctx ends, and closes l. Requests must
// have no body. It returns nil when ctx has ended, after all its connections
// are closed.
func Serve(ctx context.Context, l net.Listener, gate Gate) error {
	var (
		mu    sync.Mutex
		ended bool
		open  = make(map[net.Conn]bool)
		serve sync.WaitGroup
	)
	defer serve.Wait()
	stop := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		ended = true
		l.Close()
		for c := range open {
			c.Close()
		}
	})
	defer stop()
	for {
		c, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return fmt.Errorf("accept: %w", err)
		}
		mu.Lock()
		if ended {
			c.Close()
		}
		open[c] = true
		mu.Unlock()
		serve.Go(func() {
			answerAll(c, gate)
			mu.Lock()
			delete(open, c)
			mu.Unlock()
		})
	}
}

// answerAll serves one connection until it fails, which is how it ends.
func answerAll(c net.Conn, gate Gate) {
	defer c.Close()
	in := make([]byte, 4<<10)
	out := []byte(answer)
	have := 0
	for {
		n, err := c.Read(in[have:])
		if err != nil {
			return
		}
		have += n
		for {
			i := bytes.Index(in[:have], []byte("\r\n\r\n"))
			if i < 0 {
				break
			}
			have = copy(in, in[i+4:have])
			if gate != nil {
				gate()
			}
			if _, err := c.Write(out); err != nil {
				return
			}
		}
		if have == len(in) {
			if have >= maxHead {
				return
			}
			in = append(in, make([]byte, len(in))...)
		}
	}
}
