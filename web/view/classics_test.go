package view_test

import (
	"strings"
	"testing"

	"workbench/lab/classics"
	"workbench/lab/proof"
	"workbench/web/view"
)

func TestClassicsOf(t *testing.T) {
	all := []classics.Classic{{ID: "a", Title: "A", Theory: 63869, Tolerance: 3200}, {ID: "b", Title: "B", Theory: 0.0995, Tolerance: 1e-9}}
	kept := []proof.Figure{{ID: "b", Seed: 3, Value: 0.0977034, Low: 0.0961, High: 0.0993, Samples: 60}, {ID: "a", Seed: 3, Value: 63366.4, Low: 62706, High: 64026, Samples: 40, OK: true}}
	v, err := view.ClassicsOf(all, kept, "", "v1")
	if err != nil {
		t.Fatal(err)
	}
	if a := v.Rows[0]; a.Value != "63366" || a.Half != "660" || a.Theory != "63869" || a.Samples != "40" || !a.OK {
		t.Errorf("first row = %+v", a)
	}
	if b := v.Rows[1]; b.Value != "0.097703" || b.Half != "0.0016" || b.Tolerance != "1e-09" || b.OK {
		t.Errorf("second row = %+v", b)
	}
	if v.Sum != "1 of 2 published results are reproduced." || v.Seed != "3" {
		t.Errorf("sum %q, seed %q", v.Sum, v.Seed)
	}
	if _, err := view.ClassicsOf(all, kept[:1], "", "v1"); err == nil || !strings.Contains(err.Error(), "classic a") {
		t.Errorf("without a figure of a: %v, want an error that names it", err)
	}
}
