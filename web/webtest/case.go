package webtest

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
)

func newJar(t testing.TB) http.CookieJar {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatalf("make a cookie jar: %v", err)
	}
	return jar
}

// Case is one request and what must and must not come back.
type Case struct {
	Name    string
	Method  string // empty: GET
	Path    string
	Body    string
	Header  map[string]string // Content-Type is application/json unless set; "Host" sets the host
	Session bool              // whether the browser has been on a page before
	Status  int
	Want    []string // in the body
	Not     []string // not in the body
}

// Run sends a case's request to the site and checks the answer, which it
// returns with its body read.
func (c Case) Run(t *testing.T, s *Site) (*http.Response, string) {
	t.Helper()
	s.Client.Jar = newJar(t)
	if c.Session {
		s.Open(t, "/about")
	}
	method := c.Method
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+c.Path, strings.NewReader(c.Body))
	if err != nil {
		t.Fatalf("make the request: %v", err)
	}
	if method != http.MethodGet {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range c.Header {
		if k == "Host" {
			req.Host = v
			continue
		}
		req.Header.Set(k, v)
	}
	res, err := s.Client.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, c.Path, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: read the answer: %v", method, c.Path, err)
	}
	body := string(raw)
	if res.StatusCode != c.Status {
		t.Errorf("%s %s = %d, want %d; body %.300s", method, c.Path, res.StatusCode, c.Status, body)
	}
	for _, want := range c.Want {
		if !strings.Contains(body, want) {
			t.Errorf("%s %s lacks %q; body %.300s", method, c.Path, want, body)
		}
	}
	for _, not := range c.Not {
		if strings.Contains(body, not) {
			t.Errorf("%s %s holds %q", method, c.Path, not)
		}
	}
	return res, body
}

// Open gets a page, as a browser does first.
func (s *Site) Open(t testing.TB, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
	if err != nil {
		t.Fatalf("make the request: %v", err)
	}
	res, err := s.Client.Do(req)
	if err != nil {
		t.Fatalf("GET %s: %v", path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s = %d, %v", path, res.StatusCode, err)
	}
	return string(body)
}
