package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"workbench/exercises/attempt"
	"workbench/exercises/classroom"
	"workbench/exercises/grade"
	"workbench/exercises/interview"
	"workbench/exercises/plug"
	"workbench/exercises/progress"
	"workbench/exercises/shelf"
	"workbench/lab/beside"
	"workbench/lab/knob"
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/lab/trial/runner"
	"workbench/web/stream"
)

// Errors of the server's own.
var (
	errMalformed = errors.New("the body is not the JSON that this address takes")
	errTooLarge  = errors.New("the body is larger than")
	errMediaType = errors.New("the body must be application/json")
	errBare      = errors.New("this server stands behind a proxy that encrypts, and this request did not come through it (X-Forwarded-Proto is not https): open the proxy's address")
	errHost      = errors.New("this server does not answer to that name")
	errForeign   = errors.New("another site's page may not do this")
	errSession   = errors.New("no session: open the lab's page in this browser first")
	errToken     = errors.New("this server needs its access token: open the address it printed, or send Authorization: Bearer TOKEN")
)

// statusOf is the one place that chooses a status for an error.
func statusOf(err error) int {
	var echoed *echo.HTTPError
	var value *knob.Error
	var file *scenario.FieldError
	var full *attempt.FullError
	var busy *runner.BusyError
	var row *progress.RowError
	if status := classStatus(err); status != 0 {
		return status
	}
	switch {
	case errors.As(err, &echoed):
		return echoed.Code
	case errors.Is(err, errMalformed):
		return http.StatusBadRequest
	case errors.Is(err, errTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, errMediaType):
		return http.StatusUnsupportedMediaType
	case errors.Is(err, errHost):
		return http.StatusMisdirectedRequest
	case errors.Is(err, errForeign), errors.Is(err, errLocked), errors.Is(err, errNoRunning):
		return http.StatusForbidden
	case errors.As(err, &full):
		return http.StatusTooManyRequests
	case errors.Is(err, errSession), errors.Is(err, errToken):
		return http.StatusUnauthorized
	case errors.Is(err, live.ErrUnknown), errors.Is(err, scenario.ErrUnknown), errors.Is(err, shelf.ErrUnknown), errors.Is(err, attempt.ErrUnknown),
		errors.Is(err, interview.ErrUnknown), errors.Is(err, progress.ErrNoAnswer), errors.Is(err, runner.ErrUnknown), errors.Is(err, progress.ErrNoTrial):
		return http.StatusNotFound
	case errors.Is(err, live.ErrInvalid), errors.As(err, &value), errors.As(err, &file):
		return http.StatusUnprocessableEntity
	case errors.As(err, &row):
		return http.StatusGone
	case errors.Is(err, live.ErrConflict), errors.Is(err, attempt.ErrBusy), errors.Is(err, progress.ErrStale), errors.As(err, &busy), errors.Is(err, progress.ErrNoneAccepted),
		errors.Is(err, plug.ErrNoSlot), errors.Is(err, plug.ErrNotPlugged), errors.Is(err, grade.ErrUnfit), errors.Is(err, beside.ErrPattern):
		return http.StatusConflict
	case errors.Is(err, live.ErrStarting), errors.Is(err, live.ErrClosed), errors.Is(err, stream.ErrFull), errors.Is(err, attempt.ErrClosed), errors.Is(err, runner.ErrClosed),
		errors.Is(err, plug.ErrBusy), errors.Is(err, stream.ErrClosed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// classStatus is statusOf for what can go wrong in a class; 0: it is not of one.
func classStatus(err error) int {
	var field *classroom.FieldError
	var quota *classroom.QuotaError
	switch {
	case errors.As(err, &field):
		return http.StatusUnprocessableEntity
	case errors.As(err, &quota):
		return http.StatusTooManyRequests
	case errors.Is(err, classroom.ErrDoor), errors.Is(err, classroom.ErrUnknown):
		return http.StatusNotFound
	case errors.Is(err, classroom.ErrNobody), errors.Is(err, errJoin):
		return http.StatusUnauthorized
	case errors.Is(err, classroom.ErrShut), errors.Is(err, errDriven):
		return http.StatusForbidden
	case errors.Is(err, classroom.ErrTaken), errors.Is(err, classroom.ErrFull), errors.Is(err, classroom.ErrRound), errors.Is(err, classroom.ErrVoted):
		return http.StatusConflict
	case errors.Is(err, classroom.ErrSpace):
		return http.StatusInsufficientStorage
	case errors.Is(err, errBare):
		return http.StatusForbidden
	}
	return 0
}

// Problem is a problem document (RFC 9457).
type Problem struct {
	Type   string  `json:"type"`
	Title  string  `json:"title"`
	Status int     `json:"status"`
	Detail string  `json:"detail"`
	Errors []Field `json:"errors,omitempty"`
}

// Field is one wrong field of a request.
type Field struct {
	Name string `json:"field"`
	Got  string `json:"got,omitempty"`
	Want string `json:"want"`
}

// problemOf describes an error to whoever sent the request.
func problemOf(err error) Problem {
	status := statusOf(err)
	p := Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Errors: fieldsOf(err)}
	var echoed *echo.HTTPError
	switch {
	case status == http.StatusInternalServerError:
		p.Detail = "something went wrong in the workbench; its log says what"
	case errors.As(err, &echoed):
		p.Detail = strings.ToLower(http.StatusText(echoed.Code)) + "; /api lists what there is"
	case len(p.Errors) > 0:
		lines := make([]string, len(p.Errors))
		for i, f := range p.Errors {
			lines[i] = f.Name + ": want " + f.Want
			if f.Got != "" {
				lines[i] = f.Name + ": got " + f.Got + ", want " + f.Want
			}
		}
		p.Detail = strings.Join(lines, "; ")
	case status == http.StatusGone:
		p.Detail = "what was kept cannot be read: " + strings.ReplaceAll(err.Error(), "\n", ": ") + "; /progress says what can be done"
	default:
		p.Detail = strings.ReplaceAll(err.Error(), "\n", ": ")
	}
	return p
}

// fieldsOf collects every wrong field of an error tree.
func fieldsOf(err error) []Field {
	switch e := err.(type) {
	case nil:
		return nil
	case *live.FieldError:
		return []Field{{e.Field, e.Got, e.Want}}
	case *knob.Error:
		return []Field{{e.Knob, e.Got, e.Want}}
	case *classroom.FieldError:
		return []Field{{e.Field, e.Got, e.Want}}
	case *scenario.FieldError:
		return []Field{{e.Field, e.Got, e.Want}}
	case *bodyError:
		return []Field{{e.field, e.got, e.want}}
	case interface{ Unwrap() []error }:
		var out []Field
		for _, one := range e.Unwrap() {
			out = append(out, fieldsOf(one)...)
		}
		return out
	case interface{ Unwrap() error }:
		return fieldsOf(e.Unwrap())
	}
	return nil
}

// writeProblem answers with an error's problem document.
func writeProblem(w http.ResponseWriter, err error) error {
	p := problemOf(err)
	var full *attempt.FullError
	if errors.As(err, &full) {
		w.Header().Set("Retry-After", strconv.Itoa(int(full.After.Seconds())))
	}
	var quota *classroom.QuotaError
	if errors.As(err, &quota) {
		w.Header().Set("Retry-After", strconv.Itoa(int(quota.After.Seconds())))
	}
	body, err := json.Marshal(p)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(p.Status)
	_, err = w.Write(append(body, '\n'))
	return err
}
