package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// contentPolicy lets a page load what this server serves and nothing else:
// no inline script or style, no eval, no HTML from strings. The one trusted type
// makes the address of the engine's worker (assets/src/engine.js); blob media are
// a recording of one's own voice, which stays in the page.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; media-src blob:; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types engine"

// guard stands in front of the router: name, headers, origin, access, in that
// order, so that a request that fails one reaches nothing behind it.
func (s *Server) guard(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.refuse(w, errForeign) }))
	inner := crossOrigin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.foreign(r):
			s.refuse(w, errForeign)
		case r.URL.Query().Has("token"):
			s.login(w, r)
		case s.class != nil && !s.sessions.has(r) && !s.sessions.bearer(r):
			s.class.serve(w, r)
		case s.locked(r):
			s.refuse(w, errToken)
		case !safe(r.Method) && !s.sessions.has(r) && !s.sessions.bearer(r):
			s.refuse(w, errSession)
		default:
			next.ServeHTTP(w, r)
		}
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		harden(w.Header())
		if !slices.Contains(s.cfg.Hosts, r.Host) {
			s.refuse(w, errHost)
			return
		}
		if s.bare(r) {
			s.refuse(w, errBare)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

// harden sets the headers that every answer carries. There are no CORS headers:
// no other site may read anything.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin") // without a referrer a form's Origin is "null", which is refused
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(self), payment=(), usb=()")
}

func safe(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// foreign reports whether another site's page asks. CrossOriginProtection lets
// every GET pass; a figure or a stream is not for others to read either, so a
// GET that is not somebody following a link must come from here.
func (s *Server) foreign(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		if err != nil || u.Host != r.Host || u.Scheme != s.scheme(r) {
			return true
		}
	}
	site := r.Header.Get("Sec-Fetch-Site")
	if site == "" || site == "same-origin" || site == "none" {
		return false
	}
	link := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	return !link || data(r.URL.Path)
}

func (s *Server) scheme(r *http.Request) string {
	if s.secure(r) {
		return "https"
	}
	return "http"
}

// secure reports whether the browser's connection is encrypted, by us or by the
// proxy in front.
func (s *Server) secure(r *http.Request) bool { return r.TLS != nil || s.cfg.BehindProxy }

// bare reports whether a request came unencrypted to a server whose proxy should
// have encrypted it, or by a way around that proxy. Probes tell nothing.
func (s *Server) bare(r *http.Request) bool {
	return s.cfg.BehindProxy && r.Header.Get("X-Forwarded-Proto") != "https" && !open(r.URL.Path)
}

// data reports whether a path answers with figures, not a page.
func data(path string) bool { return strings.HasPrefix(path, "/api/") || path == "/metrics" }

// locked reports whether the request lacks the access that a server with a
// token asks for. Probes and assets tell nothing and stay open.
func (s *Server) locked(r *http.Request) bool {
	if s.cfg.Token == "" || s.sessions.has(r) || s.sessions.bearer(r) {
		return false
	}
	return !open(r.URL.Path)
}

// open reports whether a path is for everybody.
func open(p string) bool {
	return p == "/healthz" || p == "/readyz" || p == "/favicon.ico" || strings.HasPrefix(p, "/assets/")
}

// login answers an address with a token: it opens a session and sends the
// browser on to the same address without the token.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	if !safe(r.Method) || !s.sessions.admits(r.URL.Query().Get("token")) {
		s.refuse(w, errToken)
		return
	}
	s.sessions.grant(w, s.secure(r))
	u := *r.URL
	q := u.Query()
	q.Del("token")
	u.RawQuery = q.Encode()
	u.Path = "/" + strings.TrimLeft(u.Path, "/\\") // never a reference to another host
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, u.RequestURI(), http.StatusSeeOther)
}

// refuse answers with a problem document.
func (s *Server) refuse(w http.ResponseWriter, err error) {
	if err := writeProblem(w, err); err != nil {
		s.cfg.Log.Debug("answer not written", "error", err)
	}
}
