package web

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"workbench/web/view"
)

// formed returns a handler of a page's form. When post refuses what was typed,
// a person gets the page again, with what was typed and with each fault at its
// field; a program gets the problem document. at is the page's address; empty:
// that of the form.
func (s *Server) formed(at string, page, post echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := post(c)
		if err == nil || c.Response().Committed {
			return err
		}
		r, ok := refused(c.Request(), at, err)
		if !ok {
			return err
		}
		c.SetRequest(r)
		return page(c)
	}
}

// refused returns a request for the page at whose form was refused with err,
// that is filled in and marked; not ok: whoever sent it is a program, or the
// page would be of no help.
func refused(r *http.Request, at string, err error) (again *http.Request, ok bool) {
	status := statusOf(err)
	retry := status == http.StatusUnprocessableEntity || status == http.StatusConflict || status == http.StatusNotFound
	if !retry || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		return nil, false
	}
	p := problemOf(err)
	f := view.Form{Status: status, Text: view.Sentence(p.Detail), Values: r.PostForm, Faults: map[string]string{}}
	for _, one := range p.Errors {
		f.Faults[one.Name] = "Give " + one.Want + "."
	}
	again = r.WithContext(view.WithForm(r.Context(), f))
	if at != "" {
		u := *r.URL
		u.Path, u.RawPath = at, ""
		again.URL = &u
	}
	return again, true
}
