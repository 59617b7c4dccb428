package pgtest

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Network stands between a client and a server, and can be parted. A parted
// network answers nothing and refuses nothing: what is sent disappears, as
// behind a cut cable.
type Network struct {
	listener net.Listener
	target   string
	all      sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]bool // guarded by mu
	parted bool              // guarded by mu
	closed bool              // guarded by mu
	links  map[*link]bool    // guarded by mu
}

// Between forwards a loopback port to the address of a server until the test
// ends.
func Between(t testing.TB, target string) *Network {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &Network{listener: l, target: target, conns: map[net.Conn]bool{}, links: map[*link]bool{}}
	n.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if !n.join(c) {
				_ = c.Close()
				return
			}
			n.all.Go(func() { n.forward(c) })
		}
	})
	t.Cleanup(func() {
		n.Reset(true)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		n.all.Wait()
	})
	return n
}

// Address is where clients connect.
func (n *Network) Address() string { return n.listener.Addr().String() }

// Part makes everything that is sent disappear, both ways, until Heal.
func (n *Network) Part() { n.set(true) }

// Heal lets new connections through again. Those of which something has
// disappeared are dead: the server gives them up, and to the client they stay
// silent until it does too.
func (n *Network) Heal() {
	n.set(false)
	n.mu.Lock()
	defer n.mu.Unlock()
	for l := range n.links {
		l.giveUp()
	}
}

func (n *Network) set(parted bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.parted = parted
}

// Reset breaks every connection, as a server that ends does; for good when the
// network is closed with it.
func (n *Network) Reset(forGood bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = n.closed || forGood
	for c := range n.conns {
		_ = c.Close()
	}
}

// join notes a connection; false when the network is closed.
func (n *Network) join(c net.Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.conns[c] = true
	return true
}

func (n *Network) leave(c net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.conns, c)
	_ = c.Close()
}

// forward carries a connection until either side ends it.
func (n *Network) forward(client net.Conn) {
	defer n.leave(client)
	gone := n.state()
	if gone {
		_, _ = io.Copy(io.Discard, client) // accepted by the near side, and never answered
		return
	}
	server, err := net.Dial("tcp", n.target)
	if err != nil {
		return
	}
	if !n.join(server) {
		_ = server.Close()
		return
	}
	defer n.leave(server)
	link := &link{network: n, server: server}
	n.note(link, true)
	defer n.note(link, false)
	var both sync.WaitGroup
	both.Go(func() { link.carry(client, server) })
	both.Go(func() { link.carry(server, client) })
	both.Wait()
}

func (n *Network) note(l *link, on bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if on {
		n.links[l] = true
	} else {
		delete(n.links, l)
	}
}

func (n *Network) state() (parted bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.parted
}

// link is one connection through the network. Once something of it has
// disappeared it is dead for ever.
type link struct {
	network *Network
	server  net.Conn
	mu      sync.Mutex
	dead    bool // guarded by mu
}

// giveUp closes the server's side of a dead link.
func (l *link) giveUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		_ = l.server.Close()
	}
}

// passes reports whether what was read may go on.
func (l *link) passes() bool {
	parted := l.network.state() // before mu: Heal takes them in this order
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = l.dead || parted
	return !l.dead
}

func (l *link) carry(from, to net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		k, err := from.Read(buf)
		if k > 0 && l.passes() {
			if _, bad := to.Write(buf[:k]); bad != nil {
				err = bad
			}
		}
		if err != nil {
			if l.passes() { // else the other side does not learn of it
				_ = to.Close()
			}
			return
		}
	}
}
