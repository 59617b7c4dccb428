package balancer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"workbench/lab"
	"workbench/lab/fleet"
)

// ReasonNoInstance is why a request is not served when every instance refuses
// connections. It answers 503, since asking again later makes sense.
const ReasonNoInstance lab.Reason = "no_instance"

// SessionHeader tells an instance how a request stands to the session of its
// user, as a fleet.Session says it. It is absent without sticky sessions.
const SessionHeader = "Workbench-Session"

// errRefused is returned when no connection could be made: nothing was sent.
var errRefused = errors.New("the instance refuses connections")

// ServeHTTP forwards a request to an instance and its answer to the client.
func (b *Balancer) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	hops(in.Header)
	passage := b.cfg.Trace.Pass(in)
	broken := lab.Reason("")
	defer func() { passage.Done(broken) }()
	var few [4]*backend // the instances tried; more than that spill to the heap
	tried := few[:0]
	ask := asked(in)
	for {
		k, session := b.pick(b.cfg.Clock.Now(), ask, tried)
		if k == nil {
			broken = ReasonNoInstance
			answer(w, http.StatusServiceUnavailable, ReasonNoInstance, fleet.DownFor)
			return
		}
		announce(in.Header, session)
		show(in.Header, k.Pass)
		passage.Picked(k.Name, in.Header)
		if k.Pass != "" {
			passage.Away(k.Name)
		}
		err := b.forward(w, in, k)
		if !errors.Is(err, errRefused) {
			if err != nil {
				broken = lab.ReasonDown
			}
			return
		}
		passage.Refused(k.Name)
		tried = append(tried, k)
	}
}

// asked reads what decides where a request goes. Whoever asks for no item is
// placed by who they are.
func asked(in *http.Request) fleet.Ask {
	user, _ := strconv.ParseUint(in.Header.Get("Workbench-User"), 10, 64) // 0 for a stranger, and the instance says what is wrong
	ask := fleet.Ask{User: user, Key: fleet.Hash(in.URL.Path)}
	if last := in.URL.Path[strings.LastIndexByte(in.URL.Path, '/')+1:]; last == "" || last[0] < '0' || last[0] > '9' {
		ask.Key = fleet.Spread(user)
	}
	return ask
}

// announce tells the instance how a request stands to its user's session. What a
// client claims of it counts for nothing.
func announce(h http.Header, s fleet.Session) {
	if s == fleet.None {
		delete(h, SessionHeader)
		return
	}
	h[SessionHeader] = []string{s.String()}
}

// PassHeader carries what an instance of another process wants to see. No other
// instance gets it, and what a client writes there counts for nothing.
const PassHeader = "Workbench-Pass"

func show(h http.Header, pass string) {
	if pass == "" {
		delete(h, PassHeader)
		return
	}
	h[PassHeader] = []string{pass}
}

// forward sends the request to one instance. Any error but errRefused has been
// dealt with, and says that the answer broke.
func (b *Balancer) forward(w http.ResponseWriter, in *http.Request, k *backend) error {
	ctx := in.Context()
	conn, err := k.pool.take(ctx, b.cfg.Clock.Now())
	if err != nil {
		if ctx.Err() != nil {
			b.abandon(k) // the client has left; the instance may be well
			return nil
		}
		b.refused(k, b.cfg.Clock.Now())
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	b.connected(k)
	begun := b.cfg.Clock.Now()
	var end fleet.Result
	defer func() {
		end.Took = b.cfg.Clock.Now() - begun
		b.left(k, end)
	}()
	if in.Body != nil {
		// The connection may read the body after RoundTrip has returned, and the
		// server must not: closing it waits for the reader and stops it.
		defer in.Body.Close() // its error is that the client broke off
	}
	// The server ends ctx when this handler returns. A connection whose reader has
	// not yet noticed the end of the answer would take that for a client that left,
	// and close although it has been kept for the next request.
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, cancel)()
	res, err := conn.RoundTrip(request(own, in, k.pool.scheme, k.Addr))
	if err != nil {
		discard(conn)
		end.Left = ctx.Err() != nil
		if !end.Left {
			end.Failed = true
			answer(w, http.StatusBadGateway, lab.ReasonDown, 0)
			return err
		}
		return nil
	}
	end.Failed = failed(res.StatusCode)
	whole, err := b.copy(w, res)
	if whole {
		k.pool.give(conn, b.cfg.Clock.Now())
		return nil
	}
	discard(conn)
	if err != nil && ctx.Err() == nil {
		end.Failed = true
		// The head is out: breaking the connection is the one way left to say that
		// the answer is not whole.
		panic(http.ErrAbortHandler)
	}
	return nil
}

// failed reports whether an answer is an instance's error. A refusal (429, 503)
// is none: an instance that protects itself is well.
func failed(status int) bool {
	return status == http.StatusInternalServerError || status == http.StatusBadGateway || status == http.StatusGatewayTimeout
}

// abandon takes back a request that was never sent.
func (b *Balancer) abandon(k *backend) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fleet.Abandoned(k.seat)
}

// request turns the client's request into the one for an instance. ctx ends when
// the client leaves: then the connection to the instance closes.
func request(ctx context.Context, in *http.Request, scheme, addr string) *http.Request {
	out := in.WithContext(ctx) // a copy
	out.RequestURI = ""
	out.URL = &url.URL{Scheme: scheme, Host: addr, Path: in.URL.Path, RawPath: in.URL.RawPath, RawQuery: in.URL.RawQuery}
	out.Close = false
	if in.ContentLength == 0 {
		out.Body = nil // else net/http sends an empty body in chunks
	}
	if _, ok := out.Header["User-Agent"]; !ok {
		out.Header["User-Agent"] = nil // do not name ourselves
	}
	return out
}

// copy passes an answer on. whole reports that it was read to its end, so that
// the connection can be used again.
func (b *Balancer) copy(w http.ResponseWriter, res *http.Response) (whole bool, err error) {
	hops(res.Header)
	head := w.Header()
	for name, values := range res.Header {
		head[name] = values
	}
	w.WriteHeader(res.StatusCode)
	buf := b.buffers.Get().(*[]byte)
	defer b.buffers.Put(buf)
	for {
		n, err := res.Body.Read(*buf)
		if n > 0 {
			if _, wrote := w.Write((*buf)[:n]); wrote != nil {
				return false, nil // the client has left
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return res.Body.Close() == nil && !res.Close, nil
		case err != nil:
			return false, err
		}
	}
}

// hops removes the headers that are for the next hop only (RFC 9110 section
// 7.6.1).
func hops(h http.Header) {
	for _, list := range h["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			if name = textproto.TrimString(name); name != "" {
				h.Del(name)
			}
		}
	}
	for _, name := range [...]string{"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade"} {
		delete(h, name)
	}
}

// answer refuses a request in the balancer's own name.
func answer(w http.ResponseWriter, code int, why lab.Reason, again time.Duration) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Workbench-Outcome", lab.Failed.String())
	h.Set("Workbench-Reason", string(why))
	if again > 0 {
		h.Set("Retry-After", fmt.Sprint(int64((again+time.Second-1)/time.Second)))
		h.Set("Workbench-Retry-After-Ms", fmt.Sprint(again.Milliseconds()))
	}
	w.WriteHeader(code)
	detail := "the connection to the instance broke; it may have done the work"
	if why == ReasonNoInstance {
		detail = "no instance accepts connections"
	}
	// An error here means that the client has left.
	_, _ = fmt.Fprintf(w, `{"type":"about:blank","title":%q,"status":%d,"detail":%q,"reason":%q}`, http.StatusText(code), code, detail, why)
}
