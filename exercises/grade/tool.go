package grade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"workbench/exercises/sandbox"
)

// toolchain is the Go that builds answers.
type toolchain struct {
	command   string
	env       []string // of each call
	cache     string   // GOCACHE
	modules   string   // GOMODCACHE
	race      bool     // the race detector can be built
	raceLacks string   // why not, and what to do
	version   string
}

// ErrNoGo is wrapped by the error of a machine without a toolchain.
var ErrNoGo = errors.New("exercises need the go command")

// find looks for Go and asks it about itself.
func find(ctx context.Context) (toolchain, error) {
	command, err := exec.LookPath("go")
	if err != nil {
		return toolchain{}, fmt.Errorf("%w: %v; install Go 1.26 or newer and put it on PATH", ErrNoGo, err)
	}
	if command, err = filepath.Abs(command); err != nil {
		return toolchain{}, fmt.Errorf("%w: %v", ErrNoGo, err)
	}
	text, err := exec.CommandContext(ctx, command, "env", "-json", "GOCACHE", "GOMODCACHE", "GOROOT", "GOPATH", "GOVERSION", "CC", "GOHOSTOS").Output()
	if err != nil {
		return toolchain{}, fmt.Errorf("%w: %s env: %v", ErrNoGo, command, err)
	}
	known := map[string]string{}
	if err := json.Unmarshal(text, &known); err != nil {
		return toolchain{}, fmt.Errorf("%w: %s env: %v", ErrNoGo, command, err)
	}
	t := toolchain{command: command, cache: known["GOCACHE"], modules: known["GOMODCACHE"], version: known["GOVERSION"]}
	t.env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "GOCACHE=" + known["GOCACHE"], "GOMODCACHE=" + known["GOMODCACHE"], "GOPATH=" + known["GOPATH"],
		// Nothing of the learner's settings, and nothing from the network.
		"GOENV=off", "GOFLAGS=-mod=mod", "GOWORK=off", "GOPROXY=off", "GOSUMDB=off", "GOTOOLCHAIN=local", "GOTELEMETRY=off", "LC_ALL=C",
		// The tools live for a moment: a third of their time is saved by collecting less garbage.
		"GOGC=400",
	}
	if runtime.GOOS == "windows" {
		for _, name := range []string{"SYSTEMROOT", "LOCALAPPDATA", "USERPROFILE", "APPDATA"} {
			t.env = append(t.env, name+"="+os.Getenv(name))
		}
	}
	t.raceLacks = raceLacks(known["CC"])
	t.race = t.raceLacks == ""
	return t, nil
}

// raceLacks says why the race detector cannot be built; empty: it can.
func raceLacks(compiler string) string {
	switch runtime.GOOS + "/" + runtime.GOARCH {
	case "linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "freebsd/amd64":
	default:
		return "there is no race detector for " + runtime.GOOS + "/" + runtime.GOARCH
	}
	name, _, _ := strings.Cut(compiler, " ")
	if _, err := exec.LookPath(name); err != nil {
		help := "install gcc"
		if runtime.GOOS == "windows" {
			help += ", which MinGW-w64 brings"
		}
		return fmt.Sprintf("the race detector needs the C compiler %s; %s", name, help)
	}
	return ""
}

// Memory of all processes of a build together.
const buildMemory = 3 << 29

// call runs the go command in a staged tree. It may write there and to the
// cache only.
func (g *Grader) call(ctx context.Context, dir string, limits sandbox.Limits, race bool, args ...string) (sandbox.Result, error) {
	temp := filepath.Join(dir, "tmp")
	if err := os.MkdirAll(temp, 0o755); err != nil {
		return sandbox.Result{}, fmt.Errorf("stage the attempt: %w", err)
	}
	if err := os.MkdirAll(g.tools.cache, 0o755); err != nil {
		return sandbox.Result{}, fmt.Errorf("make the build cache: %w", err)
	}
	cgo := "CGO_ENABLED=0"
	if race {
		cgo = "CGO_ENABLED=1"
	}
	limits.Output = 1 << 20
	r, err := g.box.Run(ctx, sandbox.Command{
		Kind: sandbox.Tool, Program: g.tools.command, Args: args, Dir: dir,
		Env:      append([]string{cgo, "GOTMPDIR=" + temp, "TMPDIR=" + temp, "TMP=" + temp, "TEMP=" + temp}, g.tools.env...),
		Writable: []string{dir, g.tools.cache}, Limits: limits,
	})
	if err == nil {
		err = ctx.Err()
	}
	return r, err
}
