package web_test

import (
	"bytes"
	"slices"
	"testing"

	"golang.org/x/net/html"

	"workbench/lab/scenario"
	"workbench/web/component"
	"workbench/web/view"
)

// The panel of the three engines knows how long the scenario is calm, and
// offers crowds from a thousand to a hundred million.
func TestThreeEnginesPanel(t *testing.T) {
	spec, err := scenario.Find("metastable")
	if err != nil {
		t.Fatal(err)
	}
	var page bytes.Buffer
	if err := component.Three(view.ThreeOf(spec, "/engine/0123456789ab/worker.js", "v1.2.3", 3_200_000)).Render(t.Context(), &page); err != nil {
		t.Fatal(err)
	}
	doc, err := html.Parse(&page)
	if err != nil {
		t.Fatal(err)
	}
	panel := one(t, doc, "[data-three]")
	for name, want := range map[string]string{"data-calm": "10", "data-worker": "/engine/0123456789ab/worker.js", "data-version": "v1.2.3"} {
		if got := attr(panel, name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	sizes := all(panel, "option")
	if len(sizes) != 21 {
		t.Fatalf("%d sizes, want 21", len(sizes))
	}
	if got := []string{attr(sizes[0], "label"), attr(sizes[15], "label"), attr(sizes[20], "label")}; !slices.Equal(got, []string{"1 k", "5.6 M", "100 M"}) {
		t.Errorf("sizes %v, want 1 k, 5.6 M and 100 M", got)
	}
	if got := attr(one(t, panel, "input[type=range]"), "value"); got != "15" {
		t.Errorf("the slider begins at %q, want 15", got)
	}
}
