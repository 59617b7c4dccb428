package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// writeWithin is how long a client may take to accept a piece of an answer.
const writeWithin = 60 * time.Second

// cacheStatus is what Cache-Status says of an answer (RFC 9211).
type cacheStatus struct {
	hit           bool
	forward       string // why the request went on
	forwardStatus int
	stored        bool
	collapsed     bool
	detail        string
}

func (s cacheStatus) text(name string, ttl time.Duration, known bool) string {
	var b strings.Builder
	b.WriteString(name)
	if s.hit {
		b.WriteString("; hit")
	} else if s.forward != "" {
		b.WriteString("; fwd=" + s.forward)
	}
	if s.forwardStatus != 0 {
		fmt.Fprintf(&b, "; fwd-status=%d", s.forwardStatus)
	}
	if known {
		fmt.Fprintf(&b, "; ttl=%d", int64(ttl/time.Second))
	}
	if s.stored {
		b.WriteString("; stored")
	}
	if s.collapsed {
		b.WriteString("; collapsed")
	}
	if s.detail != "" {
		b.WriteString("; detail=" + s.detail)
	}
	return b.String()
}

// presentable is an answer's header as it may be stored: without the fields that
// are for one client only.
func (x *exchange) presentable(e *entry) http.Header {
	out := e.header.Clone()
	for _, name := range e.terms.Hidden {
		out.Del(name)
	}
	if x.set.Cookies == CookiesStrip {
		out.Del("Set-Cookie")
	}
	return out
}

// sign adds what this cache says of an answer.
func (x *exchange) sign(head http.Header, ttl time.Duration, known bool) {
	head["Via"] = append(slices.Clip(head["Via"]), "1.1 "+x.name)
	head["Cache-Status"] = append(slices.Clip(head["Cache-Status"]), x.status.text(x.name, ttl, known))
}

// present puts a copy's header on the answer, with its age now.
func (x *exchange) present(e *entry, aged bool) {
	head := x.w.Header()
	maps.Copy(head, e.header)
	untyped(head)
	age := e.age(x.now())
	if aged || age >= time.Second {
		head["Age"] = []string{strconv.FormatInt(int64(min(age, longest)/time.Second), 10)}
	}
	x.sign(head, e.terms.Life-age, true)
}

// untyped keeps the server from guessing a type where the origin named none.
func untyped(head http.Header) {
	if _, ok := head["Content-Type"]; !ok {
		head["Content-Type"] = nil
	}
}

// serve answers with a whole copy: all of it, the part that was asked for, or 304.
func (x *exchange) serve(e *entry) {
	x.present(e, true)
	if e.status < 300 && Unmodified(x.r.Header, e.header, e.received) {
		x.unmodified(e)
		return
	}
	body, status, head := e.body, e.status, x.w.Header()
	if e.status == http.StatusOK && x.r.Method == http.MethodGet && rangeHolds(x.r.Header, e.header) {
		size := int64(len(body))
		switch part, none, ok := parseRange(x.r.Header.Get("Range"), size); {
		case ok && none:
			status, body = http.StatusRequestedRangeNotSatisfiable, nil
			head.Set("Content-Range", fmt.Sprintf("bytes */%d", size))
		case ok:
			status, body = http.StatusPartialContent, body[part.from:part.end]
			head.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", part.from, part.end-1, size))
		}
	}
	if status != http.StatusNoContent {
		head["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	x.w.WriteHeader(status)
	if x.r.Method == http.MethodHead {
		return
	}
	x.deadline()
	n, _ := x.w.Write(body) // an error means that the client has left
	x.counts.bytesSaved.Add(uint64(n))
}

// unmodified answers that the client has it already. Fields that describe the body
// are left out (RFC 9110 section 15.4.5).
func (x *exchange) unmodified(e *entry) {
	head := x.w.Header()
	for _, name := range [...]string{"Content-Length", "Content-Type", "Content-Encoding", "Content-Language", "Content-Range"} {
		delete(head, name)
	}
	if e.header.Get("Etag") != "" {
		delete(head, "Last-Modified")
	}
	x.counts.notModified.Add(1)
	x.w.WriteHeader(http.StatusNotModified)
}

// serveFill answers with a body that is still on its way.
func (x *exchange) serveFill(e *entry, body *fill) {
	ctx := x.r.Context()
	collapsed := x.status.collapsed
	if e.status < 300 && Unmodified(x.r.Header, e.header, e.received) {
		x.present(e, collapsed)
		x.unmodified(e)
		return
	}
	sent, begun := 0, false
	for {
		piece, err := body.next(ctx, sent)
		if !begun && (err == nil || errors.Is(err, io.EOF) || errors.Is(err, errTooLong)) {
			begun = true
			x.present(e, collapsed)
			x.w.WriteHeader(e.status)
		}
		switch {
		case err == nil:
			if !x.send(piece) {
				return
			}
			sent += len(piece)
			if collapsed {
				x.counts.bytesSaved.Add(uint64(len(piece)))
			} else {
				x.counts.bytesOrigin.Add(uint64(len(piece)))
			}
		case errors.Is(err, io.EOF):
			return
		case errors.Is(err, errTooLong) && !collapsed:
			x.copy(body.source)
			return
		case ctx.Err() != nil:
			return // the client has left
		case !begun:
			x.gaveUp(failed(err))
			return
		default:
			panic(http.ErrAbortHandler) // the one way left to say that it is not whole
		}
	}
}

// stream hands an answer on as it comes.
func (x *exchange) stream(res answered) {
	head := x.w.Header()
	maps.Copy(head, res.Header)
	untyped(head)
	x.sign(head, 0, false)
	for name := range res.Trailer {
		head.Add("Trailer", name)
	}
	x.w.WriteHeader(res.StatusCode)
	defer res.Body.Close() // its error says nothing that reading it did not
	if !x.copy(res.Body) {
		return
	}
	for name, values := range res.Trailer {
		head[name] = values
	}
}

// copy writes a body to the client. It reports whether all of it went out.
func (x *exchange) copy(body io.Reader) bool {
	buf := make([]byte, 32<<10)
	for {
		n, err := body.Read(buf)
		if n > 0 {
			x.counts.bytesOrigin.Add(uint64(n))
			if !x.send(buf[:n]) {
				return false
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return true
		case err != nil && x.r.Context().Err() != nil:
			return false
		case err != nil:
			panic(http.ErrAbortHandler)
		}
	}
}

// send writes one piece and sees that it leaves. It reports false when the
// client has left.
func (x *exchange) send(piece []byte) bool {
	x.deadline()
	if _, err := x.w.Write(piece); err != nil {
		return false
	}
	_ = http.NewResponseController(x.w).Flush() // an error is met at the next write
	return true
}

// deadline gives a client time for the next piece; one that takes none is left.
func (x *exchange) deadline() {
	// A writer that knows no deadlines is one of a test, or has its own.
	_ = http.NewResponseController(x.w).SetWriteDeadline(x.now().Add(writeWithin))
}

// staleError answers with a stale copy because the origin failed.
func (x *exchange) staleError(e *entry, f *failure) {
	x.counts.staleError.Add(1)
	x.status.forwardStatus = f.status
	x.status.detail = "stale-if-error"
	x.serve(e)
}

// gaveUp tells the client that the origin gave no answer.
func (x *exchange) gaveUp(f *failure) {
	if x.r.Context().Err() != nil || errors.Is(f.err, context.Canceled) && x.ctx.Err() != nil {
		return // the client has left, or the cache is closing
	}
	status := f.status
	if status == 0 {
		status = http.StatusBadGateway
	}
	x.refuse(status, "origin", f.reason)
}

// refuse answers in the cache's own name.
func (x *exchange) refuse(status int, detail, reason string) {
	head := x.w.Header()
	head.Set("Content-Type", "application/problem+json")
	head.Set("Cache-Control", "no-store")
	x.status.detail = detail
	x.sign(head, 0, false)
	x.w.WriteHeader(status)
	if x.r.Method == http.MethodHead {
		return
	}
	// An error here means that the client has left.
	_, _ = fmt.Fprintf(x.w, "{\"type\":\"about:blank\",\"title\":%q,\"status\":%d,\"detail\":%q}\n", http.StatusText(status), status, reason)
}
