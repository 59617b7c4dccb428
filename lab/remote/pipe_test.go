package remote_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
)

// pipe forwards TCP and can hold what it carries.
type pipe struct {
	listener net.Listener
	target   string
	all      sync.WaitGroup

	mu    sync.Mutex
	held  chan struct{} // guarded by mu: open while bytes are held; nil otherwise
	conns []net.Conn    // guarded by mu
}

func newPipe(t *testing.T, target string) *pipe {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &pipe{listener: l, target: target}
	p.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.join(c)
		}
	})
	t.Cleanup(func() {
		p.hold(false)
		err := l.Close()
		p.mu.Lock()
		for _, c := range p.conns {
			err = errors.Join(err, ignoreClosed(c.Close()))
		}
		p.mu.Unlock()
		p.all.Wait()
		if err != nil {
			t.Error(err)
		}
	})
	return p
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func (p *pipe) join(c net.Conn) {
	back, err := net.Dial("tcp", p.target)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, c)
	if err != nil {
		return
	}
	p.conns = append(p.conns, back)
	p.all.Go(func() { p.carry(back, c) })
	p.all.Go(func() { p.carry(c, back) })
}

// carry copies until either side ends; an end passes on as an end.
func (p *pipe) carry(to, from net.Conn) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		held := p.held
		p.mu.Unlock()
		if held != nil {
			<-held
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			if c, ok := to.(*net.TCPConn); ok && errors.Is(err, io.EOF) {
				if c.CloseWrite() != nil {
					return
				}
			}
			return
		}
	}
}

func (p *pipe) hold(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case on && p.held == nil:
		p.held = make(chan struct{})
	case !on && p.held != nil:
		close(p.held)
		p.held = nil
	}
}
