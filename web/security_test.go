package web_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"workbench/web"
	"workbench/web/webtest"
)

const on = `{"state":"on"}`

func TestForeignHostsReachNothing(t *testing.T) {
	s := webtest.Serve(t, nil)
	port := s.Host[strings.LastIndex(s.Host, ":")+1:]
	for _, host := range []string{"evil.example", "evil.example:" + port, "127.0.0.1", "127.0.0.1:1", "localhost:" + port, "127.0.0.1:" + port + "0", "127.0.0.1.evil.example:" + port} {
		for _, path := range []string{"/", "/api/lab", "/metrics", "/healthz", "/assets/x/lab.js", "/nothing"} {
			webtest.Case{Path: path, Header: map[string]string{"Host": host}, Status: http.StatusMisdirectedRequest, Not: []string{"<html"}}.Run(t, s)
		}
	}
}

func TestEveryListedHostIsAnswered(t *testing.T) {
	s := webtest.Serve(t, func(c *web.Config) { c.Hosts = append(c.Hosts, "lab.test:99") })
	webtest.Case{Path: "/healthz", Header: map[string]string{"Host": "lab.test:99"}, Status: http.StatusOK}.Run(t, s)
}

func TestCrossOriginChangesAreRefused(t *testing.T) {
	s := webtest.Serve(t, nil)
	for _, c := range []webtest.Case{
		{Name: "other site", Header: map[string]string{"Sec-Fetch-Site": "cross-site"}},
		{Name: "same machine, other port", Header: map[string]string{"Sec-Fetch-Site": "same-site"}},
		{Name: "origin alone", Header: map[string]string{"Origin": "http://evil.example"}},
		{Name: "look-alike port", Header: map[string]string{"Origin": "http://" + s.Host + "0"}},
		{Name: "null origin", Header: map[string]string{"Origin": "null"}},
		{Name: "other scheme", Header: map[string]string{"Origin": "https://" + s.Host}},
		{Name: "form", Header: map[string]string{"Origin": "http://evil.example", "Content-Type": "application/x-www-form-urlencoded"}},
	} {
		t.Run(c.Name, func(t *testing.T) {
			c.Method, c.Path, c.Body, c.Session, c.Status = http.MethodPost, "/api/lab/spike", "{}", true, http.StatusForbidden
			c.Run(t, s)
		})
	}
	if got := s.Lab.State().Markers; len(got) != 0 {
		t.Errorf("refused requests left markers %v", got)
	}
}

func TestForeignPagesReadNothing(t *testing.T) {
	s := webtest.Serve(t, nil)
	for _, path := range []string{"/api/lab", "/api/lab/stream", "/api/runs", "/metrics"} {
		for name, h := range map[string]map[string]string{
			"fetch":      {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
			"other port": {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"},
			"link":       {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
			"origin":     {"Origin": "http://evil.example"},
			"null":       {"Origin": "null"},
		} {
			t.Run(path+" "+name, func(t *testing.T) {
				webtest.Case{Path: path, Header: h, Status: http.StatusForbidden, Not: []string{"version"}}.Run(t, s)
			})
		}
	}
	t.Run("a script from elsewhere gets no page", func(t *testing.T) {
		webtest.Case{Path: "/lab", Header: map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "iframe"}, Status: http.StatusForbidden}.Run(t, s)
	})
	t.Run("a link from elsewhere opens a page", func(t *testing.T) {
		webtest.Case{Path: "/lab?scenario=metastable", Header: map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, Status: http.StatusOK}.Run(t, s)
	})
}

func TestNoCORSHeaders(t *testing.T) {
	s := webtest.Serve(t, nil)
	for _, c := range []webtest.Case{
		{Path: "/api/lab", Status: http.StatusOK},
		{Path: "/api/lab", Method: http.MethodOptions, Header: map[string]string{"Origin": "http://evil.example", "Access-Control-Request-Method": "PUT"}, Status: http.StatusForbidden},
	} {
		res, _ := c.Run(t, s)
		for name := range res.Header {
			if strings.HasPrefix(name, "Access-Control") {
				t.Errorf("%s answers with %s", c.Path, name)
			}
		}
	}
}

func TestChangesNeedASession(t *testing.T) {
	s := webtest.Serve(t, nil)
	for _, c := range changes() {
		t.Run(c.Method+" "+c.Path, func(t *testing.T) {
			c.Session, c.Status, c.Want = false, http.StatusUnauthorized, []string{"session"}
			c.Run(t, s)
			c.Header = map[string]string{"Cookie": "workbench_" + s.Host[strings.LastIndex(s.Host, ":")+1:] + "=99999999999.00"}
			c.Run(t, s)
		})
	}
	if got := s.Lab.State().Version; got != webtest.New().State().Version {
		t.Errorf("refused requests moved the version to %d", got)
	}
}

func TestNothingChangesOnGet(t *testing.T) {
	s := webtest.Serve(t, nil)
	for _, c := range changes() {
		c.Method, c.Body, c.Session, c.Status = http.MethodGet, "", true, http.StatusMethodNotAllowed
		c.Run(t, s)
	}
	s.Open(t, "/lab?scenario=stampede&on=queue&set=queue.length=1")
	if got := s.Lab.State(); got.Version != 1 || s.Lab.Pattern("queue").State.String() != "off" {
		t.Errorf("reading moved the lab to version %d", got.Version)
	}
}

func TestSessionCookie(t *testing.T) {
	dir := t.TempDir()
	s := webtest.Serve(t, func(c *web.Config) { c.Dir = dir })
	res, _ := webtest.Case{Path: "/lab", Status: http.StatusOK}.Run(t, s)
	cookies := res.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d cookies, want 1", len(cookies))
	}
	c := cookies[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie %+v, want HttpOnly, SameSite=Strict, for this host alone", c)
	}
	info, err := os.Stat(filepath.Join(dir, "session.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("session.key: %v, mode %v; want 0600", err, info.Mode())
	}
	after := webtest.Serve(t, func(cfg *web.Config) { cfg.Dir, cfg.Hosts = dir, append([]string{s.Host}, cfg.Hosts...) })
	webtest.Case{Method: http.MethodPost, Path: "/api/lab/spike", Header: map[string]string{"Cookie": c.Name + "=" + c.Value}, Status: http.StatusOK}.Run(t, after)
	forged := strings.Replace(c.Value, c.Value[:1], "9", 1)
	webtest.Case{Method: http.MethodPost, Path: "/api/lab/spike", Header: map[string]string{"Cookie": c.Name + "=" + forged}, Status: http.StatusUnauthorized}.Run(t, after)
}

func TestPrintedAddressOpensOneSession(t *testing.T) {
	s := webtest.Serve(t, nil)
	query := s.Server.Login()
	res, _ := webtest.Case{Path: "/lab" + query + "&seed=2", Status: http.StatusSeeOther}.Run(t, s)
	if got := res.Header.Get("Location"); got != "/lab?seed=2" {
		t.Errorf("Location = %q, want the address without the token", got)
	}
	if len(res.Cookies()) != 1 {
		t.Errorf("%d cookies, want 1", len(res.Cookies()))
	}
	webtest.Case{Path: "/lab" + query, Status: http.StatusUnauthorized}.Run(t, s)
	res, _ = webtest.Case{Path: "//evil.example/" + s.Server.Login(), Status: http.StatusSeeOther}.Run(t, s)
	if got := res.Header.Get("Location"); !strings.HasPrefix(got, "/evil.example") {
		t.Errorf("Location = %q leads away", got)
	}
}

func TestReachableServerNeedsItsToken(t *testing.T) {
	const token = "0123456789abcdef"
	s := webtest.Serve(t, func(c *web.Config) { c.Loopback, c.Token = false, token })
	for _, path := range []string{"/", "/lab", "/api/lab", "/api/lab/stream", "/metrics", "/runs/1/report"} {
		res, _ := webtest.Case{Path: path, Status: http.StatusUnauthorized}.Run(t, s)
		if len(res.Cookies()) != 0 {
			t.Errorf("GET %s gives a session to anybody", path)
		}
	}
	webtest.Case{Path: "/lab?token=wrong", Status: http.StatusUnauthorized}.Run(t, s)
	webtest.Case{Path: "/healthz", Status: http.StatusOK}.Run(t, s)
	bearer := map[string]string{"Authorization": "Bearer " + token}
	webtest.Case{Path: "/api/lab", Header: bearer, Status: http.StatusOK}.Run(t, s)
	webtest.Case{Method: http.MethodPut, Path: "/api/lab/patterns/queue", Body: on, Header: bearer, Status: http.StatusOK}.Run(t, s)
	res, _ := webtest.Case{Path: "/lab?token=" + token, Status: http.StatusSeeOther}.Run(t, s)
	if len(res.Cookies()) != 1 {
		t.Fatalf("%d cookies after the login, want 1", len(res.Cookies()))
	}
	c := res.Cookies()[0]
	webtest.Case{Path: "/lab", Header: map[string]string{"Cookie": c.Name + "=" + c.Value}, Status: http.StatusOK}.Run(t, s)
}

func TestNewNamesEveryFault(t *testing.T) {
	_, err := web.New(web.Config{})
	if err == nil {
		t.Fatal("New(Config{}) = nil error")
	}
	for _, want := range []string{"Config.Lab", "Config.Log", "Config.Clock", "Config.Hosts", "Config.Token"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("New(Config{}) = %v, want it to name %s", err, want)
		}
	}
}

func TestSecurityHeadersOnEveryAnswer(t *testing.T) {
	s := webtest.Serve(t, nil)
	for _, c := range []webtest.Case{
		{Path: "/lab", Status: http.StatusOK}, {Path: "/api/lab", Status: http.StatusOK}, {Path: "/nothing", Status: http.StatusNotFound},
		{Path: "/lab", Header: map[string]string{"Host": "evil.example"}, Status: http.StatusMisdirectedRequest},
	} {
		res, _ := c.Run(t, s)
		policy := res.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'", "trusted-types engine"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: policy %q lacks %q", c.Path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(policy, "http:") {
			t.Errorf("%s: policy %q is open", c.Path, policy)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Referrer-Policy": "same-origin",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s = %q, want %q", c.Path, name, got, want)
			}
		}
	}
}

func TestPagesHoldNothingInline(t *testing.T) {
	s := webtest.Serve(t, nil)
	for _, path := range []string{"/", "/lab", "/patterns", "/patterns/queue", "/runs", "/proof", "/api", "/gallery", "/about"} {
		doc := parse(t, s.Open(t, path))
		for _, n := range all(doc, "script") {
			if attr(n, "src") == "" {
				t.Errorf("%s has an inline script", path)
			}
		}
		if len(all(doc, "style")) > 0 || len(all(doc, "[style]")) > 0 {
			t.Errorf("%s has inline style", path)
		}
		for _, sel := range []string{"[src]", "[href]"} {
			for _, n := range all(doc, sel) {
				for _, a := range n.Attr {
					if (a.Key == "src" || a.Key == "href") && (strings.Contains(a.Val, "//") || strings.HasPrefix(a.Val, "javascript:")) {
						t.Errorf("%s refers to %s", path, a.Val)
					}
				}
			}
		}
	}
}
