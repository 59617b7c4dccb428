package live

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"workbench/lab"
	"workbench/lab/fleet"
	"workbench/lab/join"
)

// How long the lab waits for processes that have joined it.
const (
	holdReport   = 250 * time.Millisecond // a report's answer, while there is nothing new
	confirmLimit = time.Second            // for a change to be carried out, before the instance is left out until it is
	lostAfter    = 3 * time.Second        // without a report
	forgetAfter  = 30 * time.Second       // a process that was lost
	proofLimit   = time.Second            // for an instance to show that it is the one
	maxNames     = 64                     // of joined instances in a lab's life: each has metrics
)

// guest is a service instance in a process of its own. Its fields are guarded by
// the house's mu, but for those that never change.
type guest struct {
	name, key, pass string
	hello           join.Hello
	answered        func(*lab.Request, lab.Response, time.Duration) // counts one answer

	plan   join.Plan // as it was last made
	report join.Report
	heard  time.Duration // on the lab's clock
	at     *run          // whose balancer has it; nil: none's
	since  time.Duration // on the lab's clock: when it got its place

	lost, leaving, released, killed, drained, behind bool

	counted map[string]map[string]uint64 // what of its counters was taken, by pattern and event
	run     uint64                       // of counted
	batch   uint64                       // the last that was taken
}

// house holds those that have joined. The zero value is empty and ready.
type house struct {
	mu    sync.Mutex
	all   []*guest          // guarded by mu; in the order of names
	names map[string]*tally // guarded by mu; of all that there have been: what they sent
	bell  chan struct{}     // guarded by mu; closed at the next change; nil: nobody waits
	ended bool              // guarded by mu; they are sent home
}

// ring wakes those who wait for a change. mu must be held.
func (h *house) ring() {
	if h.bell != nil {
		close(h.bell)
		h.bell = nil
	}
}

// next is closed at the next change. mu must be held.
func (h *house) next() <-chan struct{} {
	if h.bell == nil {
		h.bell = make(chan struct{})
	}
	return h.bell
}

// wake is ring for those who do not hold mu.
func (h *house) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ring()
}

// list returns those that have joined and are not lost.
func (h *house) list() []*guest {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(h.all), func(g *guest) bool { return g.lost })
}

// count is how many instances there are in other processes that do not leave.
// Those that are lost have their place until they are given up.
func (h *house) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, g := range h.all {
		if !g.leaving {
			n++
		}
	}
	return n
}

// find returns who a member is, or an error that wraps join.ErrUnknown. mu must
// be held.
func (h *house) find(who join.Member) (*guest, error) {
	for _, g := range h.all {
		if g.name == who.Name && subtle.ConstantTimeCompare([]byte(g.key), []byte(who.Key)) == 1 {
			return g, nil
		}
	}
	return nil, fmt.Errorf("%w: %w: %q", ErrUnknown, join.ErrUnknown, who.Name)
}

// drop forgets a guest. mu must be held.
func (h *house) drop(g *guest) {
	h.all = slices.DeleteFunc(h.all, func(o *guest) bool { return o == g })
	h.ring()
}

var guestName = regexp.MustCompile(`^[a-z][a-z0-9-]{1,15}$`)

// Join takes an instance of another process into the lab. It gets requests once
// it has carried out the plan and shown that it is there.
func (l *Lab) Join(_ context.Context, h join.Hello) (join.Welcome, error) {
	l.change.Lock()
	defer l.change.Unlock()
	r, err := l.current()
	if err != nil {
		return join.Welcome{}, err
	}
	if l.rehearsing(r.id) {
		return join.Welcome{}, fmt.Errorf("%w: an incident is being rehearsed: join when it is over", ErrConflict)
	}
	if err := l.fits(r, h); err != nil {
		return join.Welcome{}, err
	}
	r.shaping.Lock() // nobody of the lab's own takes the place meanwhile
	defer r.shaping.Unlock()
	if err := l.makeRoom(r, h.Name); err != nil {
		return join.Welcome{}, err
	}
	if r.team.Load().count()+l.house.count() >= fleet.MaxInstances {
		return join.Welcome{}, fmt.Errorf("%w: there are %d instances, the most there can be: take one of the lab's own away (− on the page, or PUT /api/lab/instances), then join", ErrConflict, fleet.MaxInstances)
	}
	l.house.mu.Lock()
	defer l.house.mu.Unlock()
	if err := l.house.name(&h); err != nil {
		return join.Welcome{}, err
	}
	g := &guest{name: h.Name, key: secret(), pass: secret(), hello: h, heard: l.clock.Now(), since: l.clock.Now(), answered: l.meter.Answered(h.Name)}
	l.house.all = append(l.house.all, g)
	slices.SortFunc(l.house.all, func(a, b *guest) int { return compareNames(a.name, b.name) })
	l.cfg.Log.Info("instance joins", "instance", g.name, "pid", h.PID, "host", h.Host)
	return join.Welcome{Member: join.Member{Name: g.name, Key: g.key}, Pass: g.pass, Redis: l.redis.URL()}, nil
}

// makeRoom gives those up that are lost, when the house is full or one of them had
// the name of a newcomer. shaping must be held.
func (l *Lab) makeRoom(r *run, name string) error {
	full := r.team.Load().count()+l.house.count() >= fleet.MaxInstances
	h := &l.house
	h.mu.Lock()
	var out []*guest
	for _, g := range slices.Clone(h.all) {
		if (g.lost || g.killed) && (full || g.name == name) {
			out = append(out, g)
			h.drop(g)
		}
	}
	h.mu.Unlock()
	for _, g := range out {
		l.observe.tracer.Store().Gone(g.name)
		if err := r.letGo(g); err != nil {
			return err
		}
	}
	return nil
}

// compareNames puts p2 before p10.
func compareNames(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	if a < b {
		return -1
	}
	return 1
}

// name gives a newcomer a name, or says why it cannot have the one it wants. mu
// must be held.
func (h *house) name(n *join.Hello) error {
	taken := func(name string) bool {
		return slices.ContainsFunc(h.all, func(g *guest) bool { return g.name == name && !g.lost })
	}
	if n.Name == "" {
		for i := 1; n.Name == "" || taken(n.Name); i++ {
			n.Name = "p" + strconv.Itoa(i)
		}
	}
	switch {
	case taken(n.Name):
		return &FieldError{Field: "name", Got: strconv.Quote(n.Name), Want: "another name: a process that has joined has it"}
	case h.names == nil:
		h.names = map[string]*tally{}
	case h.names[n.Name] == nil && len(h.names) >= maxNames:
		return &FieldError{Field: "name", Got: strconv.Quote(n.Name), Want: fmt.Sprintf("none, or one that was there before: this lab has had %d names", maxNames)}
	}
	if h.names[n.Name] == nil {
		h.names[n.Name] = &tally{}
	}
	return nil
}

// fits says why an instance cannot join: what it is, or what it could not share.
func (l *Lab) fits(r *run, h join.Hello) error {
	host := net.ParseIP(h.Host)
	switch {
	case h.Version != l.cfg.Version:
		return &FieldError{Field: "version", Got: strconv.Quote(h.Version), Want: strconv.Quote(l.cfg.Version) + ": both processes must be the same build of the workbench"}
	case h.Name != "" && !guestName.MatchString(h.Name):
		return &FieldError{Field: "name", Got: strconv.Quote(h.Name), Want: "2 to 16 of a–z, 0–9 and -, a letter first (single letters are the lab's own instances)"}
	case h.PID <= 0:
		return &FieldError{Field: "pid", Got: strconv.Itoa(h.PID), Want: "the number of the process"}
	case host == nil || host.IsUnspecified():
		return &FieldError{Field: "host", Got: strconv.Quote(h.Host), Want: "the IP address at which this lab's balancer reaches the instance, such as 127.0.0.1"}
	case !host.IsLoopback() && !l.cfg.Open:
		return &FieldError{Field: "host", Got: strconv.Quote(h.Host), Want: "a loopback address: this lab sends traffic to this machine alone; serve it on an address that others reach (--addr, with WORKBENCH_TOKEN) to take in other hosts"}
	case !host.IsLoopback() && !certified(h):
		return &FieldError{Field: "cert", Got: "none for " + h.Host, Want: "the certificate of the process for its address: beyond loopback the balancer sends no request in the clear"}
	case !host.IsLoopback() && onlyHere(l.redis.URL()):
		return fmt.Errorf("%w: the lab's Redis (%s) is on its own machine alone, and instances share caches and quotas over it: serve the lab with --redis URL of one that %s reaches, then join", ErrConflict, l.redis.Label(), h.Host)
	case !host.IsLoopback() && bareSecret(l.redis.URL()):
		return fmt.Errorf("%w: the lab's Redis (%s) has a password, which would cross the network from %s in the clear: serve the lab with --redis rediss://… of one that encrypts, then join", ErrConflict, l.redis.Label(), h.Host)
	case !l.redis.Up():
		return fmt.Errorf("%w: the lab's Redis does not answer, and a joined instance shares it: end the fault cache-down or start it, then join", ErrConflict)
	}
	for _, s := range r.slots(r.clock.Now()) {
		if s.State == lab.Yours {
			return fmt.Errorf("%w: pattern %s is yours, and a plugged-in answer decides in the lab's own process alone: set it to off, shadow or on, then join", ErrConflict, s.Pattern.Name)
		}
	}
	return nil
}

// onlyHere reports whether a URL leads to this machine.
func onlyHere(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || u.Hostname() == "" || ip != nil && ip.IsLoopback()
}

// bareSecret reports whether who calls a URL shows a password unencrypted.
func bareSecret(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "rediss" {
		return err != nil
	}
	_, has := u.User.Password()
	return has
}

// certified reports whether a process has shown a certificate for its address.
func certified(h join.Hello) bool {
	c, err := x509.ParseCertificate(h.Cert)
	return err == nil && c.VerifyHostname(h.Host) == nil
}

// notYours refuses what a joined instance could not do.
func (l *Lab) notYours(pattern string) error {
	for _, g := range l.house.list() {
		return fmt.Errorf("%w: instance %s is a process of its own (%d), where the answer plugged into %s cannot decide: end it first", ErrConflict, g.name, g.hello.PID, pattern)
	}
	return nil
}

func secret() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // documented to fill b and never to fail
	return hex.EncodeToString(b)
}
