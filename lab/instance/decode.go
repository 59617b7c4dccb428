package instance

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"workbench/lab"
	"workbench/lab/system"
)

// The headers by which a client says who it is and what it can wait for, in the
// form in which net/http keeps them. All but Workbench-Priority are whole
// numbers; each may be left out.
const (
	headerUser     = "Workbench-User"
	headerIP       = "Workbench-Ip"
	headerToken    = "Workbench-Token"
	headerPriority = "Workbench-Priority" // low, normal or high; default: the operation's own
	headerTry      = "Workbench-Try"
	headerDeadline = "Workbench-Deadline-Ms" // for how long the client will still wait
	headerID       = "Workbench-Id"          // echoed in the answer; default: a number of the instance's own
	headerOnce     = "Idempotency-Key"       // any text; the same for every try of one request
)

// maxOnce is the longest Idempotency-Key, in bytes.
const maxOnce = 255

// maxPatience bounds Workbench-Deadline-Ms.
const maxPatience = 24 * time.Hour

// decode turns an HTTP request for operation n into a lab.Request, or says what
// is wrong with it.
func (i *Instance) decode(c echo.Context, n uint8, op system.Op, keyed bool) (*lab.Request, error) {
	in := c.Request()
	now := i.cfg.Clock.Now()
	r := &lab.Request{At: now, Op: n, Read: op.Read, Async: op.Async, Priority: op.Priority}
	if keyed {
		var err error
		if r.Key, err = parse(c.Param("key"), 64); err != nil {
			return nil, bad("key", c.Param("key"), err)
		}
	}
	var try, patience uint64
	for _, f := range [...]struct {
		name string
		bits int
		to   *uint64
	}{
		{headerUser, 64, &r.User}, {headerIP, 64, &r.IP}, {headerToken, 64, &r.Token}, {headerTry, 8, &try},
		{headerDeadline, 32, &patience}, {headerID, 64, &r.ID},
	} {
		text := header(in.Header, f.name)
		if text == "" {
			continue
		}
		var err error
		if *f.to, err = parse(text, f.bits); err != nil {
			return nil, bad(f.name, text, err)
		}
	}
	r.Try = uint8(try)
	if header(in.Header, headerDeadline) != "" {
		left := time.Duration(patience) * time.Millisecond
		if left > maxPatience {
			return nil, bad(headerDeadline, strconv.FormatUint(patience, 10), fmt.Errorf("want at most %d", maxPatience.Milliseconds()))
		}
		r.Patience = max(now+left, 1) // 0 would mean that it is unknown
	}
	if r.ID == 0 {
		r.ID = i.lastID.Add(1)
	}
	if r.IP == 0 {
		r.IP = number(c.RealIP())
	}
	switch text := header(in.Header, headerPriority); text {
	case "":
	case "low":
		r.Priority = lab.Low
	case "normal":
		r.Priority = lab.Normal
	case "high":
		r.Priority = lab.High
	default:
		return nil, bad(headerPriority, text, errors.New("want low, normal or high"))
	}
	r.Query = in.URL.RawQuery
	if r.Once = header(in.Header, headerOnce); len(r.Once) > maxOnce {
		return nil, bad(headerOnce, r.Once[:20]+"…", fmt.Errorf("has %d bytes, want at most %d", len(r.Once), maxOnce))
	}
	if in.ContentLength == 0 {
		return r, nil
	}
	var err error
	r.Body, err = i.readBody(c)
	return r, err
}

// readBody reads a body of bounded size in bounded time.
func (i *Instance) readBody(c echo.Context) ([]byte, error) {
	in, out := c.Request(), c.Response().Writer
	tooLarge := &problem{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf("the body is larger than %d bytes", maxBody), Field: "body"}
	if in.ContentLength > maxBody {
		return nil, tooLarge
	}
	control := http.NewResponseController(out)
	if err := control.SetReadDeadline(i.wall.Date(i.wall.Now() + bodyTime)); err != nil {
		return nil, fmt.Errorf("bound the time to read a body: %w", err)
	}
	body, err := io.ReadAll(http.MaxBytesReader(out, in.Body, maxBody))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return nil, tooLarge
	}
	if err != nil {
		return nil, &problem{Status: http.StatusBadRequest, Detail: "the body broke off: " + err.Error(), Field: "body"}
	}
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("free the time to wait for the next request: %w", err)
	}
	return body, nil
}

// header returns the first value of a header whose name is in canonical form.
func header(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// parse reads a whole number of at most so many bits.
func parse(text string, bits int) (uint64, error) {
	v, err := strconv.ParseUint(text, 10, bits)
	if err != nil {
		return 0, fmt.Errorf("want a whole number from 0 to %d", uint64(1)<<(bits-1)*2-1)
	}
	return v, nil
}

// number turns a client address into a number: an IPv4 address as it is read, of
// an IPv6 address the network half.
func number(ip string) uint64 {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return 0 // net/http always gives an address
	}
	if a = a.Unmap(); a.Is4() {
		b := a.As4()
		return uint64(binary.BigEndian.Uint32(b[:]))
	}
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8])
}
