package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// flagsOf returns the names of a command's flags, as its help lists them.
func flagsOf(t *testing.T, command string) []string {
	t.Helper()
	out, complaint, code := call(t, command, "--help")
	if code != exitOK || complaint != "" || !strings.HasPrefix(out, "workbench "+command) {
		t.Fatalf("%s --help: exit %d, printed %q, complained %q", command, code, out, complaint)
	}
	var names []string
	for _, found := range regexp.MustCompile(`(?m)^  --(\S+)`).FindAllStringSubmatch(out, -1) {
		names = append(names, found[1])
	}
	return names
}

// TestEveryFlagSaysWhatItWants gives each flag of each command what no number,
// duration or choice is. Those that take any text get as far as the next flag,
// which there is not.
func TestEveryFlagSaysWhatItWants(t *testing.T) {
	all := 0
	for _, c := range commands() {
		if c.hidden {
			continue
		}
		for _, name := range flagsOf(t, c.name) {
			all++
			for _, value := range []string{"abc", "-1x", "99999999999999999999999"} {
				_, complaint, code := call(t, c.name, "--"+name+"="+value, "--no-such-flag")
				good := fmt.Sprintf("workbench %s: flag --%s: got %q", c.name, name, value)
				if code != exitUsage || !strings.HasPrefix(complaint, good) && !strings.Contains(complaint, "flag --no-such-flag: unknown") || strings.Contains(complaint, "parse error") || strings.Contains(complaint, "invalid value") {
					t.Errorf("%s --%s=%s: exit %d, complained %q", c.name, name, value, code, complaint)
				}
			}
		}
	}
	if all < 60 {
		t.Errorf("%d flags, want at least 60: the help is not read", all)
	}
}

func TestWrongFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"check token-bucket --seed -1", `flag --seed: got "-1", want a whole number of at least 0`},
		{"classics --seed -1", `flag --seed: got "-1", want a whole number of at least 0`},
		{"strip --seed -1", `flag --seed: got "-1", want a whole number of at least 0`},
		{"run metastable --seed -1", `flag --seed: got "-1", want a whole number of at least 0`},
		{"sweep metastable --steps abc", `flag --steps: got "abc", want a whole number`},
		{"agree --full abc", `flag --full: got "abc", want a number`},
		{"edge --memory abc", `flag --memory: got "abc", want a whole number`},
		{"edge --default-ttl 5", `flag --default-ttl: got "5", want a duration such as 500ms, 5s or 2m`},
		{"edge --origin http://x:1 --memory 0", `flag --memory: got 0, want at least 1`},
		{"edge --origin http://x:1 --body 900", `flag --body: got 900, want at most the 256 MiB of --memory`},
		{"edge --origin http://x:1 --default-ttl -1s", `flag --default-ttl: got -1s, want 0 or more`},
		{"edge --origin http://x:1 --dial-timeout 0s", `flag --dial-timeout: got 0s, want more than 0`},
		{"edge --origin http://x:1 --listen 99999", `flag --listen: got port "99999", want 0 to 65535`},
		{"run metastable --rabbitmq amqp://%zz", `flag --rabbitmq: got something else, want a URL such as amqp://`},
		{"run metastable --redis http://a", `flag --redis: got "http://a", want a URL such as redis://`},
		{"serve --redis me:hunter2@b", `flag --redis: got something else, want a URL such as redis://`},
		{"check --json=perhaps", `flag --json: got "perhaps", want true or false`},
		{"check --seed", `flag --seed: got nothing after it, want a whole number of at least 0`},
		{"run metastable --engine virtual --on queue --off queue", `flag --off: got "queue" after --on queue, want one of the two`},
		{"run metastable --engine virtual --shadow queue,cache --on cache", `flag --on: got "cache" after --shadow cache, want one of the two`},
		{"help nothing-like-it", `unknown subcommand "nothing-like-it"`},
		{"version 2", `got ["2"], want no arguments`},
	} {
		t.Run(c.args, func(t *testing.T) {
			if _, complaint, code := call(t, strings.Fields(c.args)...); code != exitUsage || !strings.Contains(complaint, c.want) {
				t.Errorf("exit %d, complained %q, want exit %d and %q", code, complaint, exitUsage, c.want)
			}
		})
	}
}

func TestHelp(t *testing.T) {
	for _, c := range []struct {
		args string
		want []string
	}{
		{"version --help", []string{"workbench version"}},
		{"help run", []string{"workbench run SCENARIO|FILE", "--on PATTERN"}},
		{"help", []string{"workbench serve", "workbench SUBCOMMAND --help"}},
		{"edge --help", []string{"(default 127.0.0.1:8081)", "(default 4096)", "(default 30s)"}},
		{"serve --help", []string{"(default 127.0.0.1:8080)", "(default 5ms)", "(default info)"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			out, complaint, code := call(t, strings.Fields(c.args)...)
			if code != exitOK || complaint != "" {
				t.Errorf("exit %d, complained %q", code, complaint)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("printed %q, want %q in it", out, want)
				}
			}
		})
	}
}

// A password in the environment is no default to show.
func TestHelpKeepsSecrets(t *testing.T) {
	var out, complaint strings.Builder
	env := func(name string) string {
		return map[string]string{"WORKBENCH_REDIS": "redis://me:hunter2@127.0.0.1:6379", "WORKBENCH_TOKEN": "hunter2hunter2hunter2"}[name]
	}
	for _, command := range []string{"serve", "instance", "orders"} {
		if code := run(t.Context(), []string{command, "--help"}, strings.NewReader(""), &out, &complaint, env); code != exitOK || strings.Contains(out.String(), "hunter2") {
			t.Errorf("%s --help: exit %d, printed %q", command, code, out.String())
		}
	}
}

func TestCalledAs(t *testing.T) {
	for arg, want := range map[string]string{
		"": "bin/workbench", "bin/workbench": "bin/workbench", "./workbench": "./workbench", "workbench": "workbench", "/opt/my tools/workbench": `"/opt/my tools/workbench"`,
		"/tmp/go-build123/b001/exe/workbench": "go run ./cmd/workbench",
	} {
		if got := calledAs(arg); got != want {
			t.Errorf("calledAs(%q) = %q, want %q", arg, got, want)
		}
	}
	var out, complaint strings.Builder
	if code := runAs(t.Context(), "bin/workbench", []string{"help"}, strings.NewReader(""), &out, &complaint, func(string) string { return "" }); code != exitOK || !strings.Contains(out.String(), "\n  bin/workbench check EXERCISE") {
		t.Errorf("exit %d, printed %q", code, out.String())
	}
}
