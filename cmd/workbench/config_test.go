package main

import (
	"net"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"workbench/lab/scenario"
)

func TestConfig(t *testing.T) {
	const secret = "0123456789abcdef"
	tests := []struct {
		name string
		args []string
		env  map[string]string
		want config
		bad  []string // lines of the error, in order
	}{
		{"defaults", nil, nil, config{addr: "127.0.0.1:8080", data: "/home/ada/.local/share/workbench", scenario: "metastable", level: "info"}, nil},
		{
			"environment over defaults", []string{"serve"},
			map[string]string{"WORKBENCH_ADDR": "localhost:1", "WORKBENCH_DATA": "/d", "WORKBENCH_REDIS": "redis://127.0.0.1:6379", "WORKBENCH_SCENARIO": "stampede", "WORKBENCH_LOG": "debug", "WORKBENCH_HOSTS": "lab", "WORKBENCH_TOKEN": secret},
			config{addr: "localhost:1", hosts: []string{"lab"}, data: "/d", redis: "redis://127.0.0.1:6379", token: secret, scenario: "stampede", level: "debug"}, nil,
		},
		{
			"flags over environment", []string{"--addr=[::1]:2", "--data", "/e", "--open"}, map[string]string{"WORKBENCH_ADDR": "localhost:1", "WORKBENCH_DATA": "/d"},
			config{addr: "[::1]:2", data: "/e", scenario: "metastable", level: "info", open: true}, nil,
		},
		{
			"a database from the environment", nil, map[string]string{"WORKBENCH_POSTGRES": "postgres://a", "WORKBENCH_POSTGRES_REPLICA": "postgres://b, postgres://c"},
			config{addr: "127.0.0.1:8080", data: "/home/ada/.local/share/workbench", postgres: database{"postgres://a", []string{"postgres://b", "postgres://c"}}, scenario: "metastable", level: "info"}, nil,
		},
		{
			"a database from flags", []string{"--postgres=postgres://d", "--postgres-replica=postgres://e", "--postgres-replica=postgres://f,postgres://g"},
			map[string]string{"WORKBENCH_POSTGRES": "postgres://a", "WORKBENCH_POSTGRES_REPLICA": "postgres://b"},
			config{addr: "127.0.0.1:8080", data: "/home/ada/.local/share/workbench", postgres: database{"postgres://d", []string{"postgres://e", "postgres://f", "postgres://g"}}, scenario: "metastable", level: "info"}, nil,
		},
		{"the system's data folder", nil, map[string]string{"XDG_DATA_HOME": "/xdg"}, config{addr: "127.0.0.1:8080", data: "/xdg/workbench", scenario: "metastable", level: "info"}, nil},
		{
			"others can reach it, with a token and names", []string{"--addr=0.0.0.0:80", "--hosts=lab,lab.local"}, map[string]string{"WORKBENCH_TOKEN": secret},
			config{addr: "0.0.0.0:80", hosts: []string{"lab", "lab.local"}, token: secret, data: "/home/ada/.local/share/workbench", scenario: "metastable", level: "info"}, nil,
		},
		{
			"every fault", []string{"serve", "--addr=8080", "--redis=127.0.0.1:6379", "--scenario=x", "--log=loud", "--hosts=http://a"}, map[string]string{"HOME": ""}, config{},
			[]string{
				`workbench serve: flag --addr: got "8080", want HOST:PORT`, `flag --hosts: got "http://a"`, `flag --data: got ""`,
				`flag --redis: got "127.0.0.1:6379"`, `flag --scenario: unknown scenario "x"`, `flag --log: got "loud"`,
			},
		},
		{"others can reach it", []string{"serve", "--addr=:8080"}, map[string]string{"WORKBENCH_TOKEN": "short"}, config{}, []string{"set WORKBENCH_TOKEN to a secret of at least 16 characters", "flag --hosts: got nothing with --addr :8080"}},
		{"an address of the network", []string{"serve", "--addr=192.0.2.1:80"}, nil, config{}, []string{`others can reach "192.0.2.1:80"`}},
		{"a port too high", []string{"serve", "--addr=127.0.0.1:65536"}, nil, config{}, []string{"flag --addr"}},
		{"a word", []string{"serve", "metastable"}, nil, config{}, []string{`got ["metastable"], want flags alone`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench()
			for name, v := range tt.env {
				b.vars[name] = v
			}
			code := b.call(t.Context(), tt.args...)
			inOrder(t, "stderr", b.stderr.String(), tt.bad)
			if len(tt.bad) > 0 {
				if code != exitUsage || len(b.served) > 0 {
					t.Errorf("exit code = %d, served %+v, want 2 and nothing served", code, b.served)
				}
				return
			}
			if code != exitOK || len(b.served) != 1 {
				t.Fatalf("exit code = %d, served %d times, want 0 and once; stderr:\n%s", code, len(b.served), b.stderr.String())
			}
			got := b.served[0]
			tt.want.plugDeadline = 5 * time.Millisecond
			if !slices.Equal(got.hosts, tt.want.hosts) {
				t.Errorf("hosts = %q, want %q", got.hosts, tt.want.hosts)
			}
			got.hosts, tt.want.hosts = nil, nil
			if flat(got) != flat(tt.want) {
				t.Errorf("config = %+v, want %+v", got, tt.want)
			}
		})
	}
}

// flat is what can be compared of a config.
func flat(c config) [7]any {
	return [7]any{c.addr, c.data, c.redis, c.token, c.scenario, c.level, c.open}
}

func TestNamesOfTheServer(t *testing.T) {
	tests := []struct {
		name  string
		addr  string
		hosts []string
		want  []string
	}{
		{"loopback", "127.0.0.1:0", nil, []string{"127.0.0.1:99", "127.0.0.1:99", "localhost:99", "[::1]:99"}},
		{"the network", "192.0.2.1:0", []string{"lab"}, []string{"192.0.2.1:99", "lab:99"}},
		{"every address", ":0", []string{"lab"}, []string{"lab:99"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := config{addr: tt.addr, hosts: tt.hosts}.names(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 99})
			if !slices.Equal(got, tt.want) {
				t.Errorf("names = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAPortInUseSaysWhatToDo(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	if _, err := listen(t.Context(), ln.Addr().String()); err == nil || !strings.Contains(err.Error(), "--addr 127.0.0.1:0") {
		t.Errorf("listen = %v, want an error that names --addr", err)
	}
	if f := portFinding(ln.Addr().String()); f.OK || !strings.Contains(f.Means, "--addr") {
		t.Errorf("portFinding = %+v, want one that names --addr", f)
	}
}

func TestFindings(t *testing.T) {
	nothing := func(string) (string, error) { return "", exec.ErrNotFound }
	second := func(name string) (string, error) {
		if name == "b" {
			return "/bin/b", nil
		}
		return "", exec.ErrNotFound
	}
	both := tool{[]string{"a", "b"}, "works without"}
	if f := look(both, second); !f.OK || f.Name != "a" || f.Found != "/bin/b" || f.Means != "" {
		t.Errorf("look = %+v, want a found at /bin/b", f)
	}
	if f := look(both, nothing); f.OK || f.Means != "works without" {
		t.Errorf("look = %+v, want what works without it", f)
	}
	if f := filesFinding(wantFiles-1, nil); f.OK || f.Means == "" {
		t.Errorf("filesFinding = %+v, want a warning", f)
	}
	if f := filesFinding(wantFiles, nil); !f.OK {
		t.Errorf("filesFinding = %+v, want it enough", f)
	}
	if f := filesFinding(0, syscall.EPERM); f.OK || f.Found != syscall.EPERM.Error() {
		t.Errorf("filesFinding = %+v, want the reason", f)
	}
}

func TestBar(t *testing.T) {
	var out strings.Builder
	b := &bar{w: &out, name: "x"}
	b.update(5*time.Second, 10*time.Second, scenario.Point{Offered: 10, Good: 9})
	if want := "[" + strings.Repeat("=", 15) + strings.Repeat(" ", 15) + "]   5 s of 10, goodput  90 %"; !strings.Contains(out.String(), want) {
		t.Errorf("bar = %q, want %q in it", out.String(), want)
	}
	b.end()
	if !strings.HasSuffix(out.String(), "\r\x1b[K") {
		t.Errorf("bar = %q, want its line cleared at the end", out.String())
	}
	var none *bar // stderr is no terminal
	none.update(time.Second, time.Second, scenario.Point{})
	none.end()
	if newBench().bar("x") != nil {
		t.Error("bar draws on a buffer, want it on a terminal alone")
	}
}
