package web_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"workbench/exercises/classroom"
	"workbench/exercises/progress"
	"workbench/lab/live"
	"workbench/lab/scenario"
	"workbench/sim/clock"
	"workbench/sim/load"
	"workbench/web"
	"workbench/web/webtest"
)

const teacherToken = "a-token-of-a-teacher"

// lesson is a site with a class.
type lesson struct {
	*webtest.Site
	t     *testing.T
	class *classroom.Class

	mu    sync.Mutex
	seats int // guarded by mu; that were furnished
}

func teach(t *testing.T) *lesson {
	t.Helper()
	c, err := classroom.Open(t.Context(), filepath.Join(t.TempDir(), "class.db"), func() time.Time { return time.Date(2026, 2, 1, 9, 0, 0, 0, time.UTC) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	l := &lesson{t: t, class: c}
	l.Site = webtest.Serve(t, func(cfg *web.Config) {
		cfg.Token = teacherToken
		cfg.Scenarios = append(cfg.Scenarios, web.Choice{Name: "metastable", Title: "The spike"})
		cfg.Classroom = &web.Classroom{Class: c, Base: "http://class.example", Seat: func(ctx context.Context, id uint64, _ func()) (web.Seat, error) {
			l.mu.Lock()
			l.seats++
			l.mu.Unlock()
			file, err := progress.Open(ctx, filepath.Join(t.TempDir(), fmt.Sprint(id)+".db"))
			if err != nil {
				return web.Seat{}, err
			}
			t.Cleanup(func() { _ = file.Close() })
			return web.Seat{Progress: &web.Progress{Keeper: file}}, nil
		}}
	})
	return l
}

// person is one browser.
type person struct {
	l      *lesson
	client *http.Client
	token  string
}

func (l *lesson) browser() *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		l.t.Fatal(err)
	}
	return &person{l: l, client: &http.Client{Jar: jar, CheckRedirect: l.Client.CheckRedirect}}
}

func (l *lesson) teacher() *person {
	p := l.browser()
	p.token = teacherToken
	return p
}

func (l *lesson) join(name string) *person {
	l.t.Helper()
	p := l.browser()
	d, err := l.class.Door(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	p.want(http.StatusSeeOther, "POST", "/join/"+d.Code, url.Values{"name": {name}})
	return p
}

// want sends a form, or gets a page, and returns the body.
func (p *person) want(status int, method, path string, form url.Values) string {
	p.l.t.Helper()
	req, err := http.NewRequestWithContext(p.l.t.Context(), method, p.l.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.l.t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	if method == "POST" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if p.token != "" {
		req.Header.Set("Authorization", "Bearer "+p.token)
	}
	res, err := p.client.Do(req)
	if err != nil {
		p.l.t.Fatal(err)
	}
	body := read(p.l.t, res)
	if res.StatusCode != status {
		p.l.t.Errorf("%s %s = %d, want %d; %.300s", method, path, res.StatusCode, status, body)
	}
	for _, c := range res.Cookies() {
		if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode {
			p.l.t.Errorf("cookie %s is not HttpOnly and SameSite=Strict", c.Name)
		}
	}
	return body
}

// read reads an answer to its end.
func read(t *testing.T, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestAClassLetsNobodyInWithoutItsLink(t *testing.T) {
	l := teach(t)
	stranger := l.browser()
	for _, path := range []string{"/", "/lab", "/classroom", "/progress", "/runs", "/exercises"} {
		if body := stranger.want(http.StatusUnauthorized, "GET", path, nil); !strings.Contains(body, "Not in the class") || strings.Contains(body, `href="/progress"`) {
			t.Errorf("GET %s does not say that one has to join: %.200s", path, body)
		}
	}
	for _, path := range []string{"/api/lab", "/api/lab/stream", "/api/classroom/stream", "/metrics"} {
		stranger.want(http.StatusUnauthorized, "GET", path, nil)
	}
	stranger.want(http.StatusNotFound, "GET", "/join/0123456789abcdef0123456789abcdef", nil)
	stranger.want(http.StatusNotFound, "POST", "/join/0123456789abcdef0123456789abcdef", url.Values{"name": {"Eve"}})
	for _, path := range []string{"/classroom/round", "/classroom/play", "/classroom/door", "/classroom/learner", "/classroom/vote"} {
		stranger.want(http.StatusUnauthorized, "POST", path, nil)
	}
	stranger.want(http.StatusOK, "GET", "/healthz", nil)
	l.join("Ada")
	d, err := l.class.Door(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if body := l.browser().want(http.StatusConflict, "POST", "/join/"+d.Code, url.Values{"name": {"ADA"}}); !strings.Contains(body, "somebody in the class has this name") || attr(one(t, parse(t, body), "input[name=name]"), "value") != "ADA" {
		t.Errorf("a taken name is not said on the page, or not left in its field: %.300s", body)
	}
	if body := l.browser().want(http.StatusUnprocessableEntity, "POST", "/join/"+d.Code, url.Values{"name": {"--"}}); words(one(t, parse(t, body), "[id=fault-name]")) != "Give at least one letter or digit." {
		t.Errorf("a name of no letters is not said at its field: %.300s", body)
	}
	if body := l.join("<script>x</script>").want(http.StatusOK, "GET", "/classroom", nil); strings.Contains(body, "<script>x") {
		t.Error("a name is taken for markup")
	}
}

func TestALearnerWatchesAndDoesNotDrive(t *testing.T) {
	l := teach(t)
	ada := l.join("Ada")
	ada.want(http.StatusOK, "GET", "/lab", nil)
	ada.want(http.StatusOK, "GET", "/progress", nil)
	for _, path := range []string{"/classroom/round", "/classroom/play", "/classroom/again", "/classroom/show", "/classroom/door", "/classroom/learner"} {
		ada.want(http.StatusNotFound, "POST", path, url.Values{"round": {"1"}, "scenario": {"metastable"}})
	}
	before, refusals := l.Lab.State().Version, 0
	for _, h := range all(parse(t, l.teacher().want(http.StatusOK, "GET", "/api", nil)), "code") {
		method, at, ok := strings.Cut(words(h), " ")
		if !ok || method == "GET" || !strings.HasPrefix(at, "/api/") || strings.HasPrefix(at, "/api/exercises/") { // exercises are a learner's own
			continue
		}
		refusals++
		path := method + " " + at
		at = strings.NewReplacer("{name}", "a", "{slug}", "databases", "{id}", "1").Replace(at)
		req, err := http.NewRequestWithContext(t.Context(), method, l.URL+at, strings.NewReader(`{"count":3,"state":"down","on":true,"choice":0,"name":"metastable","host":"127.0.0.1"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := ada.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text := read(t, res)
		if res.StatusCode != http.StatusForbidden || !strings.Contains(text, "the teacher drives the lab") {
			t.Errorf("%s = %d, %.200s, want 403 and why", path, res.StatusCode, text)
		}
	}
	if after := l.Lab.State().Version; after != before || refusals < 16 {
		t.Errorf("the lab went from version %d to %d after %d refusals, want at least 16 and no change", before, after, refusals)
	}
	if l.seats != 1 {
		t.Errorf("%d seats were furnished for one learner", l.seats)
	}
}

// A round from its beginning to its histogram, as the pages show it.
func TestARoundOnThePages(t *testing.T) {
	l := teach(t)
	teacher, ada, bob := l.teacher(), l.join("Ada"), l.join("Bob")
	if body := teacher.want(http.StatusOK, "GET", "/classroom", nil); !strings.Contains(body, "http://class.example/join/") || !strings.Contains(body, "2 in the class") {
		t.Errorf("the teacher's page lacks the link or the learners: %.300s", body)
	}
	teacher.want(http.StatusNotFound, "POST", "/classroom/round", url.Values{"scenario": {"magic"}})
	teacher.want(http.StatusSeeOther, "POST", "/classroom/round", url.Values{"scenario": {"metastable"}})
	spec, err := scenario.Find("metastable")
	if err != nil {
		t.Fatal(err)
	}
	if body := ada.want(http.StatusOK, "GET", "/classroom", nil); !strings.Contains(body, spec.Predict.Question) || strings.Contains(body, "tally") {
		t.Errorf("a learner is not asked, or sees what others said: %.300s", body)
	}
	vote := func(p *person, status int, half, choice string) {
		t.Helper()
		p.want(status, "POST", "/classroom/vote", url.Values{"round": {"1"}, "half": {half}, "choice": {choice}})
	}
	vote(ada, http.StatusSeeOther, "before", "0")
	vote(ada, http.StatusConflict, "before", "1")
	vote(bob, http.StatusUnprocessableEntity, "before", "99")
	vote(bob, http.StatusUnprocessableEntity, "before", "")
	unsaid := parse(t, bob.want(http.StatusUnprocessableEntity, "POST", "/classroom/vote", url.Values{"round": {"1"}, "half": {"before"}}))
	if got := words(one(t, unsaid, "[id=fault-choice]")); got != "Give one of the answers." {
		t.Errorf("beside the answers stands %q", got)
	}
	vote(bob, http.StatusConflict, "after", "1")
	r, _, err := l.class.Round(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.class.Play(t.Context(), r.ID); err != nil { // the paper lab asks for no prediction of its own in this scenario
		t.Fatal(err)
	}
	vote(bob, http.StatusConflict, "before", "1")
	if err := l.class.Measured(t.Context(), r, 2, 0, "Measured: 99 s."); err != nil {
		t.Fatal(err)
	}
	if body := ada.want(http.StatusOK, "GET", "/classroom", nil); strings.Contains(body, "Measured: 99 s.") {
		t.Error("a learner sees what was measured before being asked again")
	}
	wrong := parse(t, teacher.want(http.StatusUnprocessableEntity, "POST", "/classroom/again", url.Values{"round": {"1"}, "question": {"Which?"}, "options": {"one"}, "right": {"5"}}))
	for field, want := range map[string]string{"options": "Give 2 to 6 answers, one on a line.", "right": "Give the number of one of the answers, or nothing."} {
		if got := words(one(t, wrong, "[id=fault-"+field+"]")); got != want {
			t.Errorf("at %s stands %q, want %q", field, got, want)
		}
	}
	if got := words(one(t, wrong, "textarea[name=options]")); got != "one" || attr(one(t, wrong, "input[name=question]"), "value") != "Which?" || !has(one(t, wrong, "details[data-keep=second]"), "open") || !has(one(t, wrong, "[data-class]"), "data-refused") {
		t.Errorf("the teacher's question is lost, or folded away; the answers are %q", got)
	}
	teacher.want(http.StatusSeeOther, "POST", "/classroom/again", url.Values{"round": {"1"}})
	vote(ada, http.StatusSeeOther, "after", "2")
	vote(bob, http.StatusSeeOther, "after", "2")
	teacher.want(http.StatusSeeOther, "POST", "/classroom/show", url.Values{"round": {"1"}})
	for _, p := range []*person{teacher, ada} {
		doc := parse(t, p.want(http.StatusOK, "GET", "/classroom", nil))
		got := ""
		for _, td := range all(doc, "td") {
			if text := words(td); len(text) == 1 {
				got += text + " "
			}
		}
		if !strings.HasPrefix(got, "1 0 0 0 0 2") {
			t.Errorf("the histogram says %q, want 1 0, 0 0, 0 2", got)
		}
	}
	body := ada.want(http.StatusOK, "GET", "/classroom", nil)
	for _, want := range []string{"Measured: 99 s.", "Before, you said", "not so.", ": right."} {
		if !strings.Contains(body, want) {
			t.Errorf("a learner's page lacks %q", want)
		}
	}
}

// A round goes on by what the lab shows, also when Spike was pressed there.
func TestARoundFollowsTheLab(t *testing.T) {
	l := teach(t)
	teacher := l.teacher()
	until := func(state classroom.State) classroom.Round {
		t.Helper()
		for range 20000 {
			r, _, err := l.class.Round(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if r.State == state {
				return r
			}
			l.Lab.Step()
		}
		t.Fatalf("the round never came to %q", state)
		return classroom.Round{}
	}
	teacher.want(http.StatusSeeOther, "POST", "/classroom/round", url.Values{"scenario": {"metastable"}})
	if _, err := l.Lab.Spike(t.Context(), load.Spike{}); err != nil {
		t.Fatal(err)
	}
	until(classroom.Playing)
	if _, err := l.Lab.Load(t.Context(), live.ScenarioChange{Name: "metastable"}); err != nil {
		t.Fatal(err)
	}
	if r := until(classroom.Before); !r.Interrupted {
		t.Error("a scenario that was begun afresh is not called broken off")
	}
	teacher.want(http.StatusSeeOther, "POST", "/classroom/play", url.Values{"round": {"1"}})
	if r := until(classroom.Played); r.Answer == "" || r.Run == 0 {
		t.Errorf("the round was measured as %+v, want an answer and its run", r)
	}
	teacher.want(http.StatusConflict, "POST", "/classroom/play", url.Values{"round": {"1"}})
}

// A learner who was removed is out at once, and one who is let back in elsewhere
// is in there and no longer here.
func TestSessionsEnd(t *testing.T) {
	l := teach(t)
	teacher, ada, bob := l.teacher(), l.join("Ada"), l.join("Bob")
	ada.want(http.StatusOK, "GET", "/classroom", nil)
	teacher.want(http.StatusSeeOther, "POST", "/classroom/learner", url.Values{"learner": {"1"}, "do": {"release"}})
	again := l.join("ada")
	if body := again.want(http.StatusOK, "GET", "/classroom", nil); !strings.Contains(body, "Ada") {
		t.Errorf("Ada is not Ada again: %.200s", body)
	}
	ada.want(http.StatusUnauthorized, "GET", "/classroom", nil)
	teacher.want(http.StatusSeeOther, "POST", "/classroom/learner", url.Values{"learner": {"2"}, "do": {"remove"}})
	bob.want(http.StatusUnauthorized, "GET", "/classroom", nil)
	teacher.want(http.StatusNotFound, "POST", "/classroom/learner", url.Values{"learner": {"77"}, "do": {"remove"}})
	teacher.want(http.StatusUnprocessableEntity, "POST", "/classroom/learner", url.Values{"learner": {"1"}, "do": {"praise"}})
	teacher.want(http.StatusUnprocessableEntity, "POST", "/classroom/door", url.Values{"do": {"paint"}})
}

func TestAClassThatOthersCanReachIsEncrypted(t *testing.T) {
	for name, change := range map[string]func(*web.Config){
		"no token":      func(c *web.Config) { c.Token = "" },
		"no encryption": func(c *web.Config) { c.Loopback = false },
	} {
		cfg := web.Config{Lab: webtest.New(), Clock: clock.NewWall(), Hosts: []string{"a:1"}, Loopback: true, Token: teacherToken, Classroom: &web.Classroom{}}
		change(&cfg)
		if _, err := web.New(cfg); err == nil || !strings.Contains(err.Error(), "a class") {
			t.Errorf("%s: New() = %v, want a refusal", name, err)
		}
	}
}

// Behind a proxy only what came encrypted is answered, and cookies are for
// encrypted connections alone.
func TestBehindAProxy(t *testing.T) {
	s := webtest.Serve(t, func(c *web.Config) { c.BehindProxy, c.Token = true, teacherToken })
	get := func(header map[string]string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/about?token="+teacherToken, nil)
		if err != nil {
			t.Fatal(err)
		}
		for k, v := range header {
			req.Header.Set(k, v)
		}
		res, err := s.Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	if res := get(nil); res.StatusCode != http.StatusForbidden || !strings.Contains(read(t, res), "X-Forwarded-Proto") {
		t.Errorf("around the proxy: %d, want 403 and why", res.StatusCode)
	}
	res := get(map[string]string{"X-Forwarded-Proto": "https", "Origin": "https://" + s.Host})
	if res.StatusCode != http.StatusSeeOther || len(res.Cookies()) != 1 || !res.Cookies()[0].Secure {
		t.Errorf("through the proxy: %d with cookies %v, want 303 and one that is Secure", res.StatusCode, res.Cookies())
	}
	if res := get(map[string]string{"X-Forwarded-Proto": "https", "Origin": "http://" + s.Host}); res.StatusCode != http.StatusForbidden {
		t.Errorf("from a page that came unencrypted: %d, want 403", res.StatusCode)
	}
}
