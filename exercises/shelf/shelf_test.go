package shelf_test

import (
	"os"
	"testing"

	"workbench/exercises/shelf"
)

func TestFixture(t *testing.T) {
	s, err := shelf.Open(os.DirFS("../grade/testdata/shelf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range s.All() {
		if err := e.Validate(); err != nil {
			t.Error(err)
		}
	}
	if len(s.All()) != 1 {
		t.Errorf("%d exercises, want 1", len(s.All()))
	}
}
