//go:build !linux || limitsonly

package sandbox_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"workbench/exercises/sandbox"
)

// misbehave runs with limits alone, and so does nothing that would harm a
// machine on which they fail: each piece ends by itself at some time.
func misbehave(what string) {
	act, ok := map[string]func(){
		"loop": listen, "spin": spin, "memory": fill, "flood": flood, "files": echo, "scratch": scratch,
		"parent": parent, "child": listen, "kill itself": func() { _ = suicide() },
	}[what]
	if !ok {
		fmt.Println("no such piece: " + what)
		os.Exit(3)
	}
	act()
	os.Exit(0)
}

// own is for systems on which a process ends with the one that started it.
func own() {}

func spin() {
	for {
	}
}

// fill takes 256 MiB.
func fill() {
	var all [][]byte
	for range 256 {
		c := make([]byte, 1<<20)
		for i := 0; i < len(c); i += 4096 {
			c[i] = 1
		}
		all = append(all, c)
	}
	fmt.Println("filled", len(all))
}

// flood prints 64 MiB.
func flood() {
	line := strings.Repeat("flood ", 1<<10)
	for range 64 << 20 / len(line) {
		fmt.Println(line)
	}
}

// handed returns the n-th of the command's files.
func handed(n int) *os.File {
	if all := strings.Fields(os.Getenv(sandbox.FilesVar)); n < len(all) {
		h, err := strconv.ParseUint(all[n], 10, 64)
		if err != nil {
			return nil
		}
		return os.NewFile(uintptr(h), "handed")
	}
	return os.NewFile(uintptr(3+n), "handed")
}

// echo says to the second file what it has read from the first.
func echo() {
	text, err := io.ReadAll(handed(0))
	fmt.Fprintf(handed(1), "heard %q, %v", text, err)
}

// scratch leaves a file where it runs, and says where that is.
func scratch() {
	dir, err := os.Getwd()
	if err == nil {
		err = os.WriteFile("left", []byte("behind"), 0o600)
	}
	fmt.Print(dir, "\n", err)
}

// parent starts a process that listens, says where and waits for it.
func parent() {
	exe, _ := os.Executable()
	cmd := exec.Command(exe, hostile, "child")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	to := handed(0)
	if err != nil {
		fmt.Fprintln(to, "none:", err)
		return
	}
	_, _ = io.Copy(to, out) // ends with the child
}

// listen answers nobody: a connection to it lives as long as it does.
func listen() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println("none:", err)
		return
	}
	fmt.Println(l.Addr())
	var open []net.Conn
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		open = append(open, c)
	}
}
