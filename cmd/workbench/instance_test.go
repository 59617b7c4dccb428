package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestInstanceSaysWhatIsWrong names the flag and what to do, in one line each.
func TestInstanceSaysWhatIsWrong(t *testing.T) {
	lab := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method != http.MethodGet || status == http.StatusUnauthorized {
				w.WriteHeader(status)
				_, _ = w.Write([]byte(body))
			}
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := "http://" + ln.Addr().String()
	ln.Close()
	for _, c := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{"no lab", nil, exitUsage, []string{"flag --join: got nothing", "http://127.0.0.1:8080"}},
		{"an address that is none", []string{"--join", "ftp://x"}, exitUsage, []string{`flag --join: got "ftp://x"`}},
		{"every address", []string{"--join", dead, "--listen", ":0"}, exitUsage, []string{`flag --listen: got ":0"`, "127.0.0.1:0"}},
		{"a name as address", []string{"--join", dead, "--listen", "here:0"}, exitUsage, []string{"flag --listen"}},
		{"log", []string{"--join", dead, "--log", "loud"}, exitUsage, []string{`flag --log: got "loud"`}},
		{"words", []string{"--join", dead, "now"}, exitUsage, []string{`got ["now"], want flags alone`}},
		{"unknown flag", []string{"--jion", dead}, exitUsage, []string{"flag --jion: unknown"}},
		{"nobody there", []string{"--join", dead}, exitFailed, []string{"flag --join: nothing answers at " + dead, "workbench serve"}},
		{"no token", []string{"--join", lab(401, `{"detail":"token"}`)}, exitFailed, []string{"flag --token: got no token", "WORKBENCH_TOKEN"}},
		{"wrong token", []string{"--join", lab(401, `{"detail":"token"}`), "--token", "x"}, exitFailed, []string{"flag --token: got a token that it does not know"}},
		{"an older lab", []string{"--join", lab(404, `{"detail":"not found"}`)}, exitFailed, []string{"flag --join: the workbench at", "takes in no instances"}},
		{"another version", []string{"--join", lab(422, `{"detail":"version: got a, want b","errors":[{"field":"version"}]}`)}, exitFailed, []string{"flag --join: the lab at", "version: got a, want b"}},
		{"a name that is taken", []string{"--join", lab(422, `{"detail":"name: got p1","errors":[{"field":"name"}]}`), "--name", "p1"}, exitFailed, []string{"flag --name: name: got p1"}},
		{"a foreign host", []string{"--join", lab(422, `{"detail":"host: got x","errors":[{"field":"host"}]}`)}, exitFailed, []string{"flag --listen: host: got x"}},
		{"a full house", []string{"--join", lab(409, `{"detail":"there are 8 instances"}`)}, exitFailed, []string{"flag --join: the lab at", "there are 8 instances"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, err strings.Builder
			code := run(t.Context(), append([]string{"instance"}, c.args...), strings.NewReader(""), &out, &err, func(string) string { return "" })
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			if strings.Count(err.String(), "\n") != 1 || !strings.HasPrefix(err.String(), "workbench instance: ") {
				t.Errorf("stderr %q, want one line", err.String())
			}
			for _, want := range c.want {
				if !strings.Contains(err.String(), want) {
					t.Errorf("stderr lacks %q: %s", want, err.String())
				}
			}
		})
	}
}
