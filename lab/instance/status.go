package instance

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"workbench/lab"
	"workbench/lab/fleet"
	"workbench/sim/outcome"
)

// status chooses the HTTP status of an answer. No other place does.
func status(res lab.Response) int {
	switch res.Outcome {
	case lab.OK, lab.Stale:
		switch {
		case res.Status != 0:
			return res.Status
		case res.Missing:
			return http.StatusNotFound
		case res.Accepted:
			return http.StatusAccepted
		}
		return http.StatusOK
	case lab.Limited:
		return http.StatusTooManyRequests
	case lab.Shed, lab.Open:
		if res.Status != 0 {
			return res.Status
		}
		return http.StatusServiceUnavailable
	case lab.Late:
		return http.StatusGatewayTimeout
	default:
		switch res.Reason {
		case lab.ReasonBad:
			if res.Status != 0 {
				return res.Status
			}
			return http.StatusBadRequest
		case fleet.ReasonSession:
			return http.StatusUnauthorized
		}
		return http.StatusBadGateway
	}
}

// words are header values that are the same in many answers, made once.
type words struct {
	outcome             [outcome.Count][]string
	json, problem, name []string
	hit, stale          []string
}

func newWords(name string) words {
	w := words{
		json: []string{"application/json"}, problem: []string{"application/problem+json"}, name: []string{name},
		hit: []string{"hit"}, stale: []string{`110 - "Response is Stale"`},
	}
	for i, word := range outcome.Names() {
		w.outcome[i] = []string{word}
	}
	return w
}

// write answers r with res.
func (i *Instance) write(c echo.Context, r *lab.Request, res lab.Response) error {
	code := status(res)
	h := c.Response().Header()
	h["Workbench-Id"] = []string{strconv.FormatUint(r.ID, 10)}
	h["Workbench-Instance"] = i.words.name
	if r.Origin != nil {
		h["Correlation-Id"] = []string{hex.EncodeToString(r.Origin.Trace[:])}
	}
	if int(res.Outcome) < len(i.words.outcome) {
		h["Workbench-Outcome"] = i.words.outcome[res.Outcome]
	}
	if res.Reason != "" {
		h["Workbench-Reason"] = []string{string(res.Reason)}
	}
	if res.Cached {
		h["Workbench-Cache"] = i.words.hit
	}
	if res.Outcome == lab.Stale {
		h["Warning"] = i.words.stale
	}
	if res.Default {
		h["Workbench-Default"] = []string{"true"}
	} else if res.Age > 0 || res.Cached || res.Outcome == lab.Stale {
		h["Age"] = []string{strconv.FormatInt(int64(res.Age/time.Second), 10)} // RFC 9111 section 4.2.3: whole seconds, rounded down
	}
	if res.Location != "" {
		h["Location"] = []string{res.Location}
	}
	if code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable {
		again(h, res.RetryAfter)
	}
	if i.describe(h, c.Request().Header, r, res) {
		return i.send(c, http.StatusNotModified, nil)
	}
	body, kind := res.Body, i.words.json
	if code >= http.StatusBadRequest {
		body, kind = refusal(code, res), i.words.problem
	}
	if len(body) > 0 {
		h["Content-Type"] = kind
	}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	return i.send(c, code, body)
}

// again says when asking again makes sense. Retry-After has whole seconds, so
// the header of our own says it exactly; a second where nobody knows.
func again(h http.Header, after time.Duration) {
	if after <= 0 {
		after = time.Second
	}
	h["Retry-After"] = []string{strconv.FormatInt(int64((after+time.Second-1)/time.Second), 10)}
	h["Workbench-Retry-After-Ms"] = []string{strconv.FormatInt(int64((after+time.Millisecond-1)/time.Millisecond), 10)}
}

// send writes the head and body in bounded time.
func (i *Instance) send(c echo.Context, code int, body []byte) error {
	out := c.Response()
	if err := http.NewResponseController(out.Writer).SetWriteDeadline(i.wall.Date(i.wall.Now() + writeTime)); err != nil {
		return fmt.Errorf("bound the time to write: %w", err)
	}
	out.WriteHeader(code)
	_, _ = out.Write(body) // its only error is that the client has left
	return nil
}

// problem is a refusal of the HTTP layer itself, as RFC 9457 writes it.
type problem struct {
	Type   string     `json:"type"`
	Title  string     `json:"title"`
	Status int        `json:"status"`
	Detail string     `json:"detail"`
	Field  string     `json:"field,omitempty"`  // which header or part of the request
	Reason lab.Reason `json:"reason,omitempty"` // why the service refused
}

// Error makes a problem an error that handlers can return.
func (p *problem) Error() string { return p.Detail }

func bad(field, got string, want error) error {
	return &problem{Status: http.StatusBadRequest, Detail: fmt.Sprintf("%s is %q: %v", field, clip(got), want), Field: field}
}

// clip shortens what a client sent, for a message.
func clip(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

func (p problem) encode() []byte {
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	b, err := json.Marshal(p)
	if err != nil {
		panic("instance: a problem document has only words and numbers, and yet: " + err.Error())
	}
	return b
}

// refusal is the body of an answer that is not a success. The service's own
// body, if there is one, says in words what was wrong.
func refusal(code int, res lab.Response) []byte {
	p := problem{Status: code, Detail: string(res.Body), Reason: res.Reason}
	switch {
	case p.Detail != "":
	case res.Reason == fleet.ReasonSession:
		p.Detail = "your session was in the memory of an instance that cannot be reached: sign in again"
	case res.Missing:
		p.Detail = "there is no such item"
	default:
		p.Detail = fmt.Sprintf("the request was not served: %v (%s)", res.Outcome, res.Reason)
	}
	return p.encode()
}

// refuse answers a request that never became one of the lab's: no route, a bad
// header, a body that is too large.
func (i *Instance) refuse(err error, c echo.Context) {
	if c.Response().Committed || errors.Is(err, net.ErrClosed) {
		return // answered, or the instance was killed meanwhile and there is nobody to answer
	}
	p := problem{Status: http.StatusInternalServerError, Detail: err.Error()}
	if own, ok := errors.AsType[*problem](err); ok {
		p = *own
	} else if routing, ok := errors.AsType[*echo.HTTPError](err); ok {
		p.Status, p.Detail = routing.Code, fmt.Sprintf("%s %s: %v", c.Request().Method, clip(c.Request().URL.Path), routing.Message)
	} else {
		i.cfg.Log.Error("request not decoded", "instance", i.cfg.Name, "error", err)
	}
	h := c.Response().Header()
	h["Workbench-Instance"] = i.words.name
	h["Workbench-Outcome"] = i.words.outcome[lab.Failed]
	h["Workbench-Reason"] = []string{string(lab.ReasonBad)}
	h["Content-Type"] = i.words.problem
	body := p.encode()
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	if err := i.send(c, p.Status, body); err != nil && !errors.Is(err, net.ErrClosed) {
		i.cfg.Log.Error("refusal not sent", "instance", i.cfg.Name, "error", err)
	}
}
