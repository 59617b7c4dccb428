package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/labstack/echo/v4"

	"workbench/exercises/classroom"
	"workbench/lab/scenario"
	"workbench/sim/load"
	"workbench/web/page"
	"workbench/web/stream"
	"workbench/web/view"
)

// maxLearnerBody bounds what a learner sends at once, an import included.
const maxLearnerBody = 8 << 20

// class is a classroom at work: its seats, who is here, and what tells open
// pages that something is new. It is safe for concurrent use.
type class struct {
	cfg    *Classroom
	server *Server // the teacher's
	cookie string  // the name of a learner's cookie
	hall   *stream.Hub
	board  *stream.Hub
	lab    *stream.Hub  // the lab's frames, for all learners
	feed   *feed        // which carries them there
	lobby  http.Handler // a learner's page of the class
	news   atomic.Uint64
	since  atomic.Uint64 // the lab's run in which the round is played; what it says of earlier ones is old
	stop   context.CancelFunc
	ended  chan struct{} // closed when follow has ended

	mu    sync.Mutex
	seats map[uint64]*seat // guarded by mu
	here  map[uint64]int   // guarded by mu; open streams by learner
}

// seat is a learner's own part of the server, made when first asked for.
type seat struct {
	once    sync.Once
	handler http.Handler
	err     error
}

// openClass makes the server's class and begins to follow the lab.
func (s *Server) openClass(port string, limits Limits) {
	const learners = 2 * classroom.MaxLearners // one may have a second browser
	ctx, stop := context.WithCancel(context.Background())
	c := &class{
		cfg: s.cfg.Classroom, server: s, cookie: "workbench_class_" + port, stop: stop, ended: make(chan struct{}),
		hall: stream.New(learners, limits.Stream), board: stream.New(maxReaders, limits.Stream), lab: stream.New(learners, limits.Stream),
		seats: map[uint64]*seat{}, here: map[uint64]int{},
	}
	c.feed = &feed{lab: watched{Viewer: s.cfg.Lab}, hub: c.lab, log: s.cfg.Log}
	s.class = c
	lobby := c.part()
	lobby.hallRoutes(lobby.echo)
	c.lobby = lobby.echo
	go c.follow(ctx, s.cfg.Lab.Watch(ctx))
}

// close ends the streams; wait is for when requests have ended too.
func (c *class) close() {
	c.stop()
	for _, hub := range []*stream.Hub{c.hall, c.board, c.lab} {
		hub.Close()
	}
}

func (c *class) wait() {
	<-c.ended
	c.feed.close()
}

// changed tells open pages that there is something new: the teacher's always,
// learners' when the round has moved on.
func (c *class) changed(round bool) {
	c.news.Add(1)
	c.board.Send(stream.State, c.version())
	if round {
		c.hall.Send(stream.State, c.version())
	}
}

func (c *class) version() []byte { return fmt.Appendf(nil, `{"news":%d}`, c.news.Load()) }

func (c *class) enter(id uint64) {
	c.mu.Lock()
	c.here[id]++
	first := c.here[id] == 1
	c.mu.Unlock()
	if first {
		c.changed(false)
	}
}

func (c *class) leave(id uint64) {
	c.mu.Lock()
	c.here[id]--
	last := c.here[id] == 0
	if last {
		delete(c.here, id)
	}
	c.mu.Unlock()
	if last {
		c.changed(false)
	}
}

// present returns whose pages are open.
func (c *class) present() map[uint64]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[uint64]bool, len(c.here))
	for id := range c.here {
		out[id] = true
	}
	return out
}

// who returns the learner whose cookie a request carries.
func (c *class) who(r *http.Request) (classroom.Learner, error) {
	cookie, err := r.Cookie(c.cookie)
	if err != nil {
		return classroom.Learner{}, classroom.ErrNobody
	}
	return c.cfg.Class.Who(r.Context(), cookie.Value)
}

// serve answers a request that is not the teacher's: at the door, or a
// learner's. Anybody else is told to join.
func (c *class) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/join/") || open(r.URL.Path) {
		c.server.echo.ServeHTTP(w, r)
		return
	}
	learner, err := c.who(r)
	if err == nil && !safe(r.Method) && !own(r.URL.Path) {
		err = errDriven
	}
	if err == nil && !safe(r.Method) {
		err = c.room(w, r, learner)
	}
	if err != nil {
		if errors.Is(err, classroom.ErrNobody) {
			err = errJoin
		}
		c.server.turnAway(w, r, err)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/classroom") || strings.HasPrefix(r.URL.Path, "/api/classroom/") {
		c.lobby.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), learnerKey{}, &learner)))
		return
	}
	handler, err := c.seat(learner)
	if err != nil {
		c.server.cfg.Log.Error("seat not opened", "learner", learner.ID, "error", err)
		c.server.turnAway(w, r, err)
		return
	}
	handler.ServeHTTP(w, r)
}

// own reports whether what is sent to a path changes a learner's own things. All
// else is one for all, and the teacher's.
func own(path string) bool {
	for _, prefix := range []string{"/classroom/", "/api/exercises/", "/rehearse/", "/progress/"} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

// learnerKey is under what a request's context holds the learner who sent it.
type learnerKey struct{}

// learnerOf returns the learner who sent a request; nil: the teacher did.
func learnerOf(ctx context.Context) *classroom.Learner {
	l, _ := ctx.Value(learnerKey{}).(*classroom.Learner)
	return l
}

// room holds what a learner sends to the class's limits.
func (c *class) room(w http.ResponseWriter, r *http.Request, l classroom.Learner) error {
	if r.ContentLength > maxLearnerBody {
		return tooLarge(maxLearnerBody)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxLearnerBody)
	if c.cfg.Full == nil {
		return nil
	}
	return c.cfg.Full(l.ID)
}

// seat returns a learner's own handler: the same pages over the same lab, which
// they may watch, and over what belongs to them.
func (c *class) seat(l classroom.Learner) (http.Handler, error) {
	c.mu.Lock()
	one := c.seats[l.ID]
	if one == nil {
		one = &seat{}
		c.seats[l.ID] = one
	}
	c.mu.Unlock()
	one.once.Do(func() { one.handler, one.err = c.furnish(l) })
	if one.err != nil { // not for ever: the disk may have been full
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.seats[l.ID] == one {
			delete(c.seats, l.ID)
		}
	}
	return one.handler, one.err
}

func (c *class) furnish(l classroom.Learner) (http.Handler, error) {
	// A learner who leaves while the seat is made must not break it for later.
	own, err := c.cfg.Seat(context.Background(), l.ID, func() { c.changed(false) })
	if err != nil {
		return nil, err
	}
	s := c.part()
	s.cfg.Lab = watched{Viewer: s.cfg.Lab, class: c.cfg.Class, learner: l.ID}
	s.cfg.Exercises, s.cfg.Rehearse, s.cfg.Progress = own.Exercises, own.Rehearse, own.Progress
	s.routes()
	return s.echo, nil
}

// part returns a server for learners without an address yet: it shares what is
// the same for all.
func (c *class) part() *Server {
	t := c.server
	s := &Server{
		cfg: t.cfg, sessions: t.sessions, hub: c.lab, feed: c.feed, assets: t.assets, engine: t.engine, ending: t.ending, class: c, seated: true,
	}
	s.cfg.Rooms, s.cfg.Trials, s.cfg.Incidents, s.cfg.Join = nil, nil, nil, nil // they change what is one for all
	s.echo = echo.New()
	s.echo.IPExtractor = echo.ExtractIPDirect()
	s.echo.HTTPErrorHandler = s.fail
	return s
}

// turnAway tells somebody why they get nothing: a page for people, a problem
// document for programs.
func (s *Server) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	if strings.Contains(r.Header.Get("Accept"), "text/html") && !data(r.URL.Path) {
		p := problemOf(err)
		title := p.Title
		if p.Status == http.StatusUnauthorized {
			title = "Not in the class"
		}
		v := s.Site(r.URL.Path, title, "")
		v.Nav = nil // who is not in can go nowhere
		t := page.ClassOut(v, title, view.Sentence(p.Detail))
		if s.Render(w, r, p.Status, t) == nil {
			return
		}
	}
	s.refuse(w, err)
}

// without is the spike that stands for the scenario's own event.
func without() load.Spike { return load.Spike{} }

// right returns which answer a measured value is; -1: none.
func right(p scenario.Predict, value float64) int {
	for i, o := range p.Options {
		if (o.Min == nil || value >= *o.Min) && (o.Max == nil || value <= *o.Max) {
			return i
		}
	}
	return -1
}
