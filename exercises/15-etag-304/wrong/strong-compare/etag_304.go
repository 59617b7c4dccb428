// kills: TestMatch, TestOwnTag — If-None-Match compares weakly: W/ must not stand in the way.

package etag304

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
)

// MaxBody is the longest body that Wrap holds in memory to name it.
const MaxBody = 1 << 20

// Wrap gives the answers of next an ETag, and answers 304 to a client that has the same.
func Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		a := &answer{w: w, wants: r.Header.Values("If-None-Match"), head: r.Method == http.MethodHead}
		if a.head {
			r = r.Clone(r.Context())
			r.Method = http.MethodGet // the tag of HEAD is that of GET
		}
		next.ServeHTTP(a, r)
		a.end()
	})
}

type mode int

const (
	hold mode = iota
	pass
	drop
)

type answer struct {
	w      http.ResponseWriter
	wants  []string
	head   bool
	status int
	mode   mode
	body   []byte
}

func (a *answer) Header() http.Header { return a.w.Header() }

func (a *answer) WriteHeader(status int) {
	if a.status != 0 {
		return
	}
	if status < 200 { // such as 103: the real answer is still to come
		a.w.WriteHeader(status)
		return
	}
	a.status = status
	if status != http.StatusOK {
		a.send()
		return
	}
	if tag := a.Header().Get("ETag"); tag != "" {
		a.decide(tag)
	}
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.mode == hold && len(a.body)+len(b) > MaxBody {
		a.send()
		if err := a.flush(); err != nil {
			return 0, err
		}
	}
	switch a.mode {
	case hold:
		a.body = append(a.body, b...)
		return len(b), nil
	case pass:
		return a.w.Write(b)
	}
	return len(b), nil
}

// end is not reached when the handler panics, so that nothing held is sent.
func (a *answer) end() {
	if a.status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.mode != hold {
		return
	}
	sum := sha256.Sum256(a.body)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
	a.Header().Set("ETag", tag)
	if a.Header().Get("Content-Length") == "" {
		a.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	a.decide(tag)
	_ = a.flush() // the client has gone: there is nobody left to tell
}

func (a *answer) decide(tag string) {
	if !matches(a.wants, tag) {
		a.send()
		return
	}
	for _, name := range []string{"Content-Length", "Content-Type", "Content-Encoding", "Content-Language", "Content-Range"} {
		a.Header().Del(name)
	}
	a.w.WriteHeader(http.StatusNotModified)
	a.mode = drop
}

func (a *answer) send() {
	a.w.WriteHeader(a.status)
	a.mode = pass
	if a.head {
		a.mode = drop
	}
}

func (a *answer) flush() error {
	held := a.body
	a.body = nil
	if a.mode == drop || len(held) == 0 {
		return nil
	}
	_, err := a.w.Write(held)
	return err
}

// matches reads the lists of If-None-Match and compares weakly.
func matches(lines []string, tag string) bool {
	for _, rest := range lines {
		if strings.TrimSpace(rest) == "*" {
			return true
		}
		for {
			rest = strings.TrimLeft(rest, " \t,")
			weak := strings.HasPrefix(rest, "W/")
			rest = strings.TrimPrefix(rest, "W/")
			if !strings.HasPrefix(rest, `"`) {
				break
			}
			end := strings.IndexByte(rest[1:], '"')
			if end < 0 {
				break
			}
			if !weak && rest[:end+2] == tag {
				return true
			}
			rest = rest[end+2:]
		}
	}
	return false
}
