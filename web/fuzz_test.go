package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"workbench/lab/live"
	"workbench/web"
	"workbench/web/webtest"
)

var (
	_ web.Lab = (*live.Lab)(nil)
	_ web.Lab = (*webtest.Lab)(nil)
)

// FuzzBodies sends any body to every address that takes one: the answer is a
// state or a problem, never a failure of the server.
func FuzzBodies(f *testing.F) {
	for _, c := range changes() {
		f.Add(c.Path, c.Body)
	}
	f.Add("/api/lab/traffic", `{"factor":1e999}`)
	f.Add("/api/lab/traffic", `{"factor":null,"phase":7}`)
	f.Add("/api/lab/patterns/%2e%2e", `{"knobs":{"":{}}}`)
	f.Add("/api/lab/patterns/queue", `{"knobs":{"length":[1],"wait":true,"order":null}}`)
	f.Add("/api/lab/scenario", `{"name":"metastable","patterns":{"queue":{"knobs":{"length":"\u0000"}}}}`)
	s := webtest.Serve(f, nil)
	page := httptest.NewRequest(http.MethodGet, "/about", nil)
	page.Host = s.Host
	w := httptest.NewRecorder()
	s.Server.Handler().ServeHTTP(w, page)
	cookie := w.Result().Cookies()[0]
	f.Fuzz(func(t *testing.T, path, body string) {
		for _, method := range []string{http.MethodPut, http.MethodPost} {
			req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Host+"/", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.URL.Path = path
			req.Header.Set("Content-Type", "application/json")
			req.AddCookie(cookie)
			w := httptest.NewRecorder()
			s.Server.Handler().ServeHTTP(w, req)
			if w.Code >= 500 {
				t.Errorf("%s %q with %q = %d: %s", method, path, body, w.Code, w.Body)
			}
			if w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s %q with %q = %d without a problem document", method, path, body, w.Code)
			}
		}
	})
}
