package fuse_test

import (
	"errors"
	"testing"
	"time"

	"workbench/lab/remote/fuse"
)

func TestFuse(t *testing.T) {
	bad := errors.New("no answer")
	var f fuse.Fuse
	step := func(what string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s = %t, want %t", what, got, want)
		}
	}
	at := 5 * time.Second
	step("first failure turns", f.Report(at, bad), false)
	step("second failure turns", f.Report(at, bad), false)
	step("a success between turns", f.Report(at, nil), false)
	for range fuse.Limit - 1 {
		f.Report(at, bad)
	}
	step("up before the limit", f.Up(), true)
	step("the last failure turns", f.Report(at, bad), true)
	step("up", f.Up(), false)
	step("admit at once", f.Admit(at), false)
	step("admit just before the pause is over", f.Admit(at+fuse.Pause-1), false)
	step("admit after the pause", f.Admit(at+fuse.Pause), true)
	step("a second request at the same time", f.Admit(at+fuse.Pause), false)
	step("admit if that one never reports", f.Admit(at+2*fuse.Pause), true)
	step("a failed probe turns", f.Report(at+2*fuse.Pause, bad), false)
	step("a good probe turns", f.Report(at+4*fuse.Pause, nil), true)
	step("up again", f.Up(), true)
}
