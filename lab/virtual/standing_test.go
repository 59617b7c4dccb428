package virtual_test

import (
	"testing"

	"workbench/lab/scenario"
	"workbench/lab/virtual"
)

// A fault that stands is felt in virtual time from the first second to the last.
func TestVirtualTimePlaysStandingFaults(t *testing.T) {
	spec, err := scenario.Find("metastable")
	if err != nil {
		t.Fatal(err)
	}
	share := func(flags ...string) float64 {
		rep, err := virtual.RunFlags(t.Context(), spec, append(flags, "--duration=20s", "--scale=0.2", "--traffic=0.2"), virtual.Options{Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		return rep.GoodputShare
	}
	if well, ill := share("--on=queue"), share("--on=queue", "--fault=gate-error:share=1"); well < .9 || ill > .05 {
		t.Errorf("%.2f are served without a fault and %.2f when all calls fail, want most and nobody", well, ill)
	}
}
