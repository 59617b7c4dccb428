package join_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"workbench/lab"
	"workbench/lab/join"
)

func TestCallsCarryWhatIsLeft(t *testing.T) {
	r := lab.Request{
		ID: 7, User: 8, IP: 9, Token: 10, Key: 11, Op: 2, Priority: lab.High, Read: true, Async: true, Try: 3, Body: []byte("body"), Query: "a=b", Once: "key",
		At: 5 * time.Second, Deadline: 9 * time.Second, Patience: 6 * time.Second,
	}
	text, err := json.Marshal(join.CallOf(4, 5*time.Second, &r))
	if err != nil {
		t.Fatal(err)
	}
	var c join.Call
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	got := c.Request(100 * time.Second) // another clock
	want := r
	want.At, want.Deadline, want.Patience = 100*time.Second, 104*time.Second, 101*time.Second
	if c.Run != 4 || !reflect.DeepEqual(*got, want) {
		t.Errorf("run %d, request %+v\nwant 4, %+v", c.Run, *got, want)
	}
}

func TestCallsOfInstantsThatPassedOrAreNot(t *testing.T) {
	for _, c := range []struct {
		name           string
		deadline, want time.Duration
		expiredTheNext time.Duration
	}{
		{"none", 0, 0, 0},
		{"passed", time.Second, 10*time.Second + 1, 1},
		{"ahead", 7 * time.Second, 12 * time.Second, 2 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := join.CallOf(1, 5*time.Second, &lab.Request{Deadline: c.deadline}).Request(10 * time.Second)
			if got.Deadline != c.want || c.want > 0 && !got.Expired(10*time.Second+c.expiredTheNext) {
				t.Errorf("Deadline = %v, want %v", got.Deadline, c.want)
			}
		})
	}
	if got := (join.Call{Priority: 200, Deadline: -1}).Request(time.Second); got.Priority != lab.High || got.Deadline != 0 {
		t.Errorf("nonsense became %+v", got)
	}
}

// lab on paper answers as told.
func paper(t *testing.T, status int, body string) join.Lab {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: "mine"})
			return
		}
		if c, err := r.Cookie("session"); err != nil || c.Value != "mine" || r.Header.Get("Authorization") != "Bearer word" {
			status, body = http.StatusUnauthorized, "no session"
		}
		if strings.HasSuffix(r.URL.Path, "/work") && r.Header.Get(join.KeyHeader) != "k" {
			status, body = http.StatusNotFound, "no key"
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	l, err := join.Dial(t.Context(), join.Door{URL: s.URL, Token: "word"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAnswersOverHTTP(t *testing.T) {
	res, err := paper(t, 200, `{"Outcome":"shed","Reason":"backlog","RetryAfter":1000000000}`).Work(t.Context(), join.Member{Name: "p1", Key: "k"}, join.Call{})
	if err != nil || res.Outcome != lab.Shed || res.Reason != lab.ReasonBacklog || res.RetryAfter != time.Second {
		t.Errorf("Work = %+v, %v", res, err)
	}
	if p, err := paper(t, 200, `{"number":3,"run":2}`).Sync(t.Context(), join.Member{Name: "p1"}, join.Report{}); err != nil || p.Number != 3 || p.Run != 2 {
		t.Errorf("Sync = %+v, %v", p, err)
	}
	if w, err := paper(t, 201, `{"name":"p1","key":"k","redis":"redis://r"}`).Join(t.Context(), join.Hello{}); err != nil || w.Name != "p1" || w.Key != "k" || w.Redis != "redis://r" {
		t.Errorf("Join = %+v, %v", w, err)
	}
}

func TestRefusalsOverHTTP(t *testing.T) {
	_, err := paper(t, 422, `{"detail":"host: got x","errors":[{"field":"host"}]}`).Join(t.Context(), join.Hello{})
	var refused *join.Refusal
	if !errors.As(err, &refused) || refused.Status != 422 || refused.Detail != "host: got x" || len(refused.Fields) != 1 || refused.Fields[0] != "host" {
		t.Errorf("Join = %v, want the refusal", err)
	}
	if errors.Is(err, join.ErrUnknown) {
		t.Error("a wrong field is not a lab that has forgotten us")
	}
	if _, err := paper(t, 404, `{"detail":"unknown"}`).Sync(t.Context(), join.Member{}, join.Report{}); !errors.Is(err, join.ErrUnknown) {
		t.Errorf("Sync = %v, want %v", err, join.ErrUnknown)
	}
	if _, err := paper(t, 502, `<html>`).Join(t.Context(), join.Hello{}); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("Join = %v, want the status", err)
	}
	if _, err := paper(t, 201, `<html>`).Join(t.Context(), join.Hello{}); err == nil || !strings.Contains(err.Error(), "no workbench") {
		t.Errorf("Join = %v, want it to be no workbench", err)
	}
	for _, address := range []string{"", "ftp://x", "http://", "::"} {
		if _, err := join.Dial(context.Background(), join.Door{URL: address}); err == nil {
			t.Errorf("Dial(%q) = nil error", address)
		}
	}
}
