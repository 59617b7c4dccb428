package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"workbench/sim/clock"
)

const (
	keySize     = 32
	sessionLife = 30 * 24 * time.Hour
)

// sessions knows who may change the lab. A session is a cookie that this
// server signed; the key outlives the process, so a cookie does too. It is
// safe for concurrent use.
type sessions struct {
	key    []byte
	cookie string // its name; holds the port, since cookies do not know ports
	token  string // the access token; empty on loopback
	clock  *clock.Wall

	mu   sync.Mutex
	once map[string]bool // guarded by mu; unused login words
}

// openSessions reads the key in dir, or makes one; an empty dir means a key
// that ends with the process.
func openSessions(dir, port, token string, c *clock.Wall) (*sessions, error) {
	s := &sessions{cookie: "workbench_" + port, token: token, clock: c, once: map[string]bool{}}
	if dir == "" {
		s.key = randomBytes(keySize)
		return s, nil
	}
	path := filepath.Join(dir, "session.key")
	key, err := os.ReadFile(path)
	if err == nil && len(key) == keySize {
		s.key = key
		return s, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the session key: %w", err)
	}
	s.key = randomBytes(keySize)
	if err := os.WriteFile(path, s.key, 0o600); err != nil {
		return nil, fmt.Errorf("write the session key: %w", err)
	}
	return s, nil
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // documented to fill b and never to fail
	return b
}

// login returns a word that opens one session, once.
func (s *sessions) login() string {
	word := hex.EncodeToString(randomBytes(16))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.once[word] = true
	return word
}

// admits reports whether a word from an address opens a session, and uses it
// up if it is a login word.
func (s *sessions) admits(word string) bool {
	if s.token != "" && equal(word, s.token) {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.once[word]
	delete(s.once, word)
	return known
}

func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// grant sets the cookie of a new session; secure: for encrypted connections
// alone.
func (s *sessions) grant(w http.ResponseWriter, secure bool) {
	ends := s.clock.Date(s.clock.Now() + sessionLife).Unix()
	http.SetCookie(w, &http.Cookie{
		Name: s.cookie, Value: s.sign(ends), Path: "/", MaxAge: int(sessionLife.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: secure,
	})
}

// sign returns the cookie's value: when the session ends, and proof that this
// server said so.
func (s *sessions) sign(ends int64) string {
	text := strconv.FormatInt(ends, 10)
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(s.cookie + "." + text))
	return text + "." + hex.EncodeToString(mac.Sum(nil))
}

// has reports whether the request belongs to a session.
func (s *sessions) has(r *http.Request) bool {
	c, err := r.Cookie(s.cookie)
	if err != nil {
		return false
	}
	text, _, _ := strings.Cut(c.Value, ".")
	ends, err := strconv.ParseInt(text, 10, 64)
	if err != nil || s.clock.Date(s.clock.Now()).Unix() >= ends {
		return false
	}
	return hmac.Equal([]byte(c.Value), []byte(s.sign(ends)))
}

// bearer reports whether the request carries the access token.
func (s *sessions) bearer(r *http.Request) bool {
	word, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && s.token != "" && equal(word, s.token)
}
