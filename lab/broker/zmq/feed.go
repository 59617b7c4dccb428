package zmq

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-zeromq/zmq4"
	"github.com/go-zeromq/zmq4/security/null"

	"workbench/lab/broker"
)

// Feed publishes to whoever has subscribed, over ZeroMQ's PUB and SUB: each
// subscriber gets each message of its topic. It is safe for concurrent use. Use
// NewFeed; Close it.
//
// A subscriber that is slow has its messages wait up to the high-water mark, and
// beside that in the sockets' buffers. What a full one does is the feed's policy:
// broker.Drop forgets the message for this subscriber alone, as ZeroMQ's PUB
// does; with Wait, Publish waits for room, so that the slowest sets the pace of
// all. As in a Broker the mark is ours, and each subscriber has a connection of
// its own: the library's PUB has one mark for all of them, and one that does not
// read holds up the others (seen with zmq4 v0.17.0).
type Feed struct {
	mark int
	full broker.Policy

	mu     sync.Mutex
	subs   []*Subscription // guarded by mu
	closed bool            // guarded by mu
}

// News is one message as a subscriber got it.
type News struct {
	Number uint64 // from 1, of this subscriber's messages; what is missing between two was lost
	Topic  string
	Body   []byte
}

// Wait is the policy of a feed that has its publisher wait.
const Wait broker.Policy = "wait"

// buffers is what a connection holds beside the high-water mark, at each end and
// in bytes: with what the machine likes to give, a slow subscriber would have
// megabytes on their way.
const buffers = 32 << 10

// NewFeed returns a feed without subscribers. mark is the most messages that wait
// for one of them.
func NewFeed(mark int, full broker.Policy) (*Feed, error) {
	if mark < 1 || mark > 1_000_000 {
		return nil, fmt.Errorf("feed: the high-water mark is %d (want 1 to 1000000)", mark)
	}
	if full != broker.Drop && full != Wait {
		return nil, fmt.Errorf("feed: the policy is %q (want %s or %s)", full, broker.Drop, Wait)
	}
	return &Feed{mark: mark, full: full}, nil
}

// Subscription is one subscriber. Close it, or its feed.
type Subscription struct {
	feed     *Feed
	topic    string // the beginning of the topics that it wants
	pub, sub *zmq4.Conn
	queue    chan News     // of the feed's mark
	in       chan News     // what has arrived
	stop     chan struct{} // closed when it ends
	ending   sync.Once
	ended    error // valid after ending
	tasks    sync.WaitGroup
	sent     atomic.Uint64
	lost     atomic.Uint64
	mu       sync.Mutex // of Publish, where messages are numbered as they are dropped
}

// Subscribe has messages whose topic begins with this arrive from now on. It
// returns when the publisher knows of it, so nothing published later is missed.
func (f *Feed) Subscribe(ctx context.Context, topic string) (*Subscription, error) {
	s := &Subscription{feed: f, queue: make(chan News, f.mark), in: make(chan News), stop: make(chan struct{})}
	near, far, err := pipe(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: ZeroMQ: %w", broker.ErrUnavailable, err)
	}
	if err := s.greet(ctx, near, far, topic); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: ZeroMQ: %w", broker.ErrUnavailable, err), closed(near.Close()), closed(far.Close()))
	}
	s.tasks.Go(s.send)
	s.tasks.Go(s.read)
	f.mu.Lock()
	if !f.closed {
		f.subs = append(f.subs, s)
		f.mu.Unlock()
		return s, nil
	}
	f.mu.Unlock()
	return nil, errors.Join(broker.ErrClosed, s.Close())
}

// pipe returns the two ends of a connection on loopback.
func pipe(ctx context.Context) (near, far net.Conn, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	var d net.Dialer
	if far, err = d.DialContext(ctx, "tcp", l.Addr().String()); err != nil {
		return nil, nil, err
	}
	for { // the port is open to this machine: somebody else may have come first
		if near, err = l.Accept(); err != nil {
			return nil, nil, errors.Join(err, far.Close())
		}
		if near.RemoteAddr().String() == far.LocalAddr().String() {
			break
		}
		_ = near.Close()
	}
	for _, c := range []net.Conn{near, far} {
		tcp := c.(*net.TCPConn)
		if err := errors.Join(tcp.SetReadBuffer(buffers), tcp.SetWriteBuffer(buffers)); err != nil {
			return nil, nil, errors.Join(err, near.Close(), far.Close())
		}
	}
	return near, far, nil
}

// greet has both ends shake hands, and waits until the subscription has arrived.
func (s *Subscription) greet(ctx context.Context, near, far net.Conn, topic string) error {
	defer context.AfterFunc(ctx, func() { _ = far.Close() })()
	var met sync.WaitGroup
	var there error
	met.Go(func() {
		if s.sub, there = zmq4.Open(far, null.Security(), zmq4.Sub, nil, false, nil); there == nil {
			there = s.sub.SendMsg(zmq4.NewMsg(append([]byte{1}, topic...)))
		}
		if there != nil {
			_ = far.Close() // else the other end waits for a greeting
		}
	})
	var here error
	var wish zmq4.Msg
	if s.pub, here = zmq4.Open(near, null.Security(), zmq4.Pub, nil, true, nil); here == nil {
		wish, here = s.pub.RecvMsg()
	}
	met.Wait()
	if err := errors.Join(ctx.Err(), here, there); err != nil {
		return err
	}
	frame := wish.Bytes()
	if len(frame) == 0 || frame[0] != 1 {
		return fmt.Errorf("the subscriber began with %.20q (want a subscription)", frame)
	}
	s.topic = string(frame[1:])
	return nil
}

// Publish hands a message to every subscriber of its topic.
func (f *Feed) Publish(ctx context.Context, topic string, body []byte) error {
	if len(body) > broker.MaxBody || len(topic) > broker.MaxName {
		return fmt.Errorf("%w: a topic of %d bytes and a body of %d (want at most %d and %d)", broker.ErrBad, len(topic), len(body), broker.MaxName, broker.MaxBody)
	}
	f.mu.Lock()
	subs, gone := f.subs, f.closed // the slice is only ever replaced or appended to
	f.mu.Unlock()
	if gone {
		return broker.ErrClosed
	}
	for _, s := range subs {
		if strings.HasPrefix(topic, s.topic) {
			if err := s.put(ctx, News{Topic: topic, Body: body}); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// put has a message wait for its subscriber, or counts it lost.
func (s *Subscription) put(ctx context.Context, n News) error {
	if s.feed.full == broker.Drop {
		s.mu.Lock() // numbers are in the order of the queue
		defer s.mu.Unlock()
		n.Number = s.sent.Add(1)
		select {
		case s.queue <- n:
		default:
			s.lost.Add(1)
		}
		return nil
	}
	select {
	case s.queue <- n:
		s.sent.Add(1)
	case <-s.stop: // nobody is there any more
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// send passes on what waits until it ends.
func (s *Subscription) send() {
	for passed := uint64(1); ; passed++ {
		select {
		case <-s.stop:
			return
		default:
		}
		select {
		case <-s.stop:
			return
		case n := <-s.queue:
			if s.feed.full == Wait { // nothing is dropped, so they are numbered here
				n.Number = passed
			}
			number := binary.BigEndian.AppendUint64(nil, n.Number)
			if s.pub.SendMsg(zmq4.NewMsgFrom([]byte(n.Topic), number, n.Body)) != nil {
				s.lost.Add(1)
			}
		}
	}
}

// read takes what arrives until the connection closes.
func (s *Subscription) read() {
	for {
		msg, err := s.sub.RecvMsg()
		if err != nil {
			return
		}
		if len(msg.Frames) != 3 || len(msg.Frames[1]) != 8 {
			continue // a command of the protocol
		}
		select {
		case s.in <- News{binary.BigEndian.Uint64(msg.Frames[1]), string(msg.Frames[0]), msg.Frames[2]}:
		case <-s.stop:
		}
	}
}

// Next waits for the next message. Its error is ctx's, or broker.ErrClosed.
func (s *Subscription) Next(ctx context.Context) (News, error) {
	select {
	case n := <-s.in:
		return n, nil
	case <-s.stop:
		return News{}, broker.ErrClosed
	case <-ctx.Done():
		return News{}, ctx.Err()
	}
}

// Lost returns how many messages were forgotten because this subscriber was
// slow. ZeroMQ counts them nowhere; the subscriber sees that numbers are missing,
// once the next message arrives.
func (s *Subscription) Lost() uint64 { return s.lost.Load() }

// Sent returns how many messages there were for this subscriber, with those that
// were lost.
func (s *Subscription) Sent() uint64 { return s.sent.Load() }

// Waiting returns how many messages wait below the high-water mark.
func (s *Subscription) Waiting() int { return len(s.queue) }

// Close ends the subscription. What was on its way to it is gone.
func (s *Subscription) Close() error {
	s.ending.Do(func() {
		close(s.stop)
		s.feed.leave(s)
		s.ended = errors.Join(closed(s.pub.Close()), closed(s.sub.Close()))
		s.tasks.Wait()
	})
	return s.ended
}

func (f *Feed) leave(s *Subscription) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var rest []*Subscription
	for _, other := range f.subs {
		if other != s {
			rest = append(rest, other)
		}
	}
	f.subs = rest
}

// Close ends every subscription.
func (f *Feed) Close() error {
	f.mu.Lock()
	f.closed = true
	subs := f.subs
	f.mu.Unlock()
	var faults []error
	for _, s := range subs {
		faults = append(faults, s.Close())
	}
	return errors.Join(faults...)
}
