//go:build !linux

package load

import "io"

// wire sends a request and receives its answer on a socket.
type wire struct {
	c    *conn
	sent bool
}

func (w *wire) init(c *conn) { w.c = c }

// send has the next receive begin with the request c.out.
func (w *wire) send() { w.sent = false }

// receive reads some bytes into c.in[c.to:]; 0 bytes mean that the peer has
// closed.
func (w *wire) receive() (int, error) {
	if !w.sent {
		if _, err := w.c.sock.Write(w.c.out); err != nil {
			return 0, err
		}
		w.sent = true
	}
	n, err := w.c.sock.Read(w.c.room())
	if err == io.EOF {
		return 0, nil
	}
	return n, err
}
