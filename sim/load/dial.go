package load

import (
	"fmt"
	"net"
	"os"
	"time"
)

// maxDials is how many connections a second a run may open, after a first
// MaxConns at once. Closing aborts the connection, which leaves no port in
// TIME_WAIT; the bound protects the service's own side and the kernel's
// backlog.
const maxDials = 5_000

// tokens is a bucket that holds at most MaxConns and gains maxDials a second.
type tokens struct {
	left float64
	at   time.Duration
}

// take takes one and returns how long to wait before using it.
func (b *tokens) take(now time.Duration) time.Duration {
	b.left = min(MaxConns, b.left+(now-b.at).Seconds()*maxDials)
	b.at = now
	b.left--
	if b.left >= 0 {
		return 0
	}
	return time.Duration(-b.left / maxDials * float64(time.Second))
}

// open connects before the instant until.
func (c *conn) open(until time.Duration) error {
	e := c.e
	e.mu.Lock()
	now := e.clk.Now()
	turn := now + e.dials.take(now)
	e.mu.Unlock()
	if turn > now {
		if err := e.clk.Wait(e.ctx, min(turn, until)); err != nil {
			return fmt.Errorf("wait to connect: %w", err)
		}
		if turn >= until {
			return fmt.Errorf("wait to connect: %w", os.ErrDeadlineExceeded)
		}
	}
	dialer := net.Dialer{Deadline: e.clk.Date(until), KeepAlive: -1}
	nc, err := dialer.DialContext(e.ctx, "tcp", e.addr)
	if err != nil {
		return err
	}
	sock, ok := nc.(*net.TCPConn)
	if !ok {
		return fmt.Errorf("dial %s: not a TCP connection", e.addr)
	}
	if err := c.adopt(sock); err != nil {
		sock.Close()
		return err
	}
	return nil
}

// adopt sets a new socket up and makes it the connection's.
func (c *conn) adopt(sock *net.TCPConn) error {
	if err := sock.SetLinger(0); err != nil {
		return err
	}
	if c.habit.ReadBps > 0 {
		// A slow reader shows only when the kernel does not read ahead for it.
		if err := sock.SetReadBuffer(slowBuffer); err != nil {
			return err
		}
	}
	raw, err := sock.SyscallConn()
	if err != nil {
		return err
	}
	c.raw, c.armed = raw, 0
	c.e.mu.Lock()
	c.e.open++
	c.e.mu.Unlock()
	c.mu.Lock()
	c.sock = sock
	c.mu.Unlock()
	return nil
}

// close aborts the connection if it is open.
func (c *conn) close() {
	if c.sock == nil {
		return
	}
	c.sock.Close() // an error would mean that it is closed already
	c.mu.Lock()
	c.sock = nil
	c.mu.Unlock()
	c.e.mu.Lock()
	c.e.open--
	c.e.mu.Unlock()
}

// interrupt makes the connection's reads and writes fail from now on.
func (c *conn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sock != nil {
		// An error here means that the socket is closed, which is as good.
		_ = c.sock.SetDeadline(c.e.clk.Date(0))
	}
}

// slowBuffer and slowStep are how little a slow client's kernel buffers and
// how often it reads.
const (
	slowBuffer = 4 << 10
	slowStep   = 50 * time.Millisecond
)

// room is where the next bytes go: all that is free, or what a slow client
// reads in one step.
func (c *conn) room() []byte {
	free := c.in[c.to:]
	if c.habit.ReadBps > 0 {
		step := max(1, int(int64(c.habit.ReadBps)*int64(slowStep)/int64(time.Second)))
		free = free[:min(step, len(free))]
	}
	return free
}

// dawdle lets the time pass that a slow client takes to read n bytes.
func (c *conn) dawdle(n int, until time.Duration) {
	if c.habit.ReadBps <= 0 || n == 0 {
		return
	}
	pause := time.Duration(n) * time.Second / time.Duration(c.habit.ReadBps)
	// An error means that the run is cut, which the next read finds out.
	_ = c.e.clk.Wait(c.e.ctx, min(c.e.clk.Now()+pause, until))
}
