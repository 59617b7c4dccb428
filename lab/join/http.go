package join

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"time"

	"workbench/lab"
)

// KeyHeader carries a member's key.
const KeyHeader = "Workbench-Key"

// Bounds of the calls over HTTP.
const (
	helloLimit = 10 * time.Second
	maxAnswer  = 4 << 20
	maxCalls   = 4096             // at once; more wait for a connection
	idleCalls  = 512              // connections kept
	idleTime   = 60 * time.Second // less than the lab's server keeps them
)

// Refusal is the lab's answer that is none of those hoped for.
type Refusal struct {
	Status int
	Detail string
	Fields []string // that were wrong
}

// Error implements error.
func (r *Refusal) Error() string { return r.Detail }

// remoteLab is a lab behind its HTTP API.
type remoteLab struct {
	base           string // without a slash at the end
	token          string
	talk, delegate *http.Client // reports do not wait for calls
}

// Errors of Dial.
var (
	// ErrAddress says that an address is none of a workbench.
	ErrAddress = errors.New("want the address of a workbench that serves, such as http://127.0.0.1:8080")
	// ErrClear says that secrets would leave the machine unencrypted. Nothing has
	// been sent.
	ErrClear = errors.New("the access token, the keys and the Redis password would cross the network in the clear")
	// ErrEncrypted says that a lab serves TLS and was called without.
	ErrEncrypted = errors.New("it serves TLS")
)

// Door is where a lab serves, and what opens it.
type Door struct {
	URL   string         // without a scheme: http on loopback, https elsewhere
	Token string         // the lab's access token, needed when it has one
	Roots *x509.CertPool // who may vouch for its certificate; nil: whom this machine trusts
}

// base returns the lab's address without a path.
func (d Door) base() (string, error) {
	address := d.URL
	if !strings.Contains(address, "://") {
		address = "https://" + address
		if u, err := url.Parse(address); err == nil && loopback(u.Hostname()) {
			address = "http://" + d.URL
		}
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "", ErrAddress
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "", ErrClear
	}
	return u.Scheme + "://" + u.Host, nil
}

// Dial opens a session with the lab that serves behind a door. Beyond loopback it
// speaks TLS alone, and the certificate is always verified.
func Dial(ctx context.Context, d Door) (Lab, error) {
	base, err := d.base()
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	client := func(t *http.Transport) *http.Client {
		t.IdleConnTimeout, t.TLSClientConfig = idleTime, &tls.Config{RootCAs: d.Roots, MinVersion: tls.VersionTLS12}
		stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // the token goes to the address that was named
		return &http.Client{Jar: jar, Transport: t, CheckRedirect: stay}
	}
	l := &remoteLab{
		base: base, token: d.Token, talk: client(&http.Transport{}),
		delegate: client(&http.Transport{MaxConnsPerHost: maxCalls, MaxIdleConns: idleCalls, MaxIdleConnsPerHost: idleCalls}),
	}
	limited, cancel := context.WithTimeout(ctx, helloLimit)
	defer cancel()
	return l, l.ask(limited, l.talk, http.MethodGet, "/", "", nil, nil) // a session, where there is no token
}

// private reports whether what is said to the lab is encrypted.
func (l *remoteLab) private() bool { return strings.HasPrefix(l.base, "https:") }

// privacy says what of a process's connections is encrypted, and what is not.
func privacy(l Lab, host, redis string) []string {
	calls := "unencrypted, within this machine"
	if r, ok := l.(*remoteLab); ok && r.private() {
		calls = "encrypted, to a certificate that was verified"
	}
	requests := "unencrypted, within this machine"
	if !loopback(host) {
		requests = "encrypted, to a certificate made for this process"
	}
	cache := "unencrypted, within this machine"
	if u, err := url.Parse(redis); err == nil && u.Scheme == "rediss" {
		cache = "encrypted"
	} else if err != nil || !loopback(u.Hostname()) {
		cache = "NOT ENCRYPTED, and others on the network can read what is cached"
	}
	return []string{"reports and calls to the lab: " + calls + "; requests from its balancer: " + requests + "; Redis: " + cache}
}

// Join implements Lab.
func (l *remoteLab) Join(ctx context.Context, h Hello) (w Welcome, err error) {
	limited, cancel := context.WithTimeout(ctx, helloLimit)
	defer cancel()
	return w, l.ask(limited, l.talk, http.MethodPost, "/api/lab/instances", "", h, &w)
}

// Sync implements Lab.
func (l *remoteLab) Sync(ctx context.Context, who Member, r Report) (p Plan, err error) {
	return p, forgotten(l.ask(ctx, l.talk, http.MethodPost, "/api/lab/instances/"+url.PathEscape(who.Name)+"/sync", who.Key, r, &p))
}

// Work implements Lab.
func (l *remoteLab) Work(ctx context.Context, who Member, c Call) (res lab.Response, err error) {
	return res, forgotten(l.ask(ctx, l.delegate, http.MethodPost, "/api/lab/instances/"+url.PathEscape(who.Name)+"/work", who.Key, c, &res))
}

// forgotten marks the refusal of a lab that does not know the caller.
func forgotten(err error) error {
	var r *Refusal
	if errors.As(err, &r) && r.Status == http.StatusNotFound {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return err
}

// ask sends a request and reads the JSON that answers it into out, unless nil.
func (l *remoteLab) ask(ctx context.Context, by *http.Client, method, path, key string, body, out any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	in, err := http.NewRequestWithContext(ctx, method, l.base+path, nil)
	if err != nil {
		return err
	}
	if body != nil {
		in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
		in.Header.Set("Content-Type", "application/json")
	}
	if l.token != "" {
		in.Header.Set("Authorization", "Bearer "+l.token)
	}
	if key != "" {
		in.Header.Set(KeyHeader, key)
	}
	res, err := by.Do(in)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		return refused(res, answer)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s is no workbench: its answer to %s is no JSON: %w", l.base, path, err)
	}
	return nil
}

// refused makes an error of a problem document, or of what came in its place.
func refused(res *http.Response, text []byte) error {
	var problem struct {
		Detail string `json:"detail"`
		Errors []struct {
			Field string `json:"field"`
		} `json:"errors"`
	}
	if json.Unmarshal(text, &problem) != nil || problem.Detail == "" {
		problem.Detail = "it answers " + res.Status
	}
	if res.TLS == nil && res.StatusCode == http.StatusBadRequest && strings.Contains(string(text), "HTTP request to an HTTPS server") {
		return ErrEncrypted // in the words of Go's server
	}
	r := &Refusal{Status: res.StatusCode, Detail: problem.Detail}
	for _, e := range problem.Errors {
		r.Fields = append(r.Fields, e.Field)
	}
	return r
}
