package postgres_test

import (
	"errors"
	"log/slog"
	"maps"
	"testing"

	"workbench/lab/store/postgres/pgtest"
	"workbench/lab/trial"
	"workbench/lab/trial/postgres"
	"workbench/sim/clock"
)

// small is what makes a trial short enough for a test.
func small() map[string]map[string]any {
	return map[string]map[string]any{"plans": {"rows": 50_000}}
}

// TestTrials: with the right settings every claim holds, with the wrong ones
// one fails, and nothing is left in the database.
func TestTrials(t *testing.T) {
	server := pgtest.Start(t)
	env := trial.Env{Dir: t.TempDir(), Seed: 1, Clock: clock.NewWall(), Log: slog.New(slog.DiscardHandler), Postgres: server.URL()}
	for _, one := range postgres.All() {
		for name, settings := range map[string]map[string]any{"right": one.Right, "wrong": one.Wrong} {
			t.Run(one.Name+"/"+name, func(t *testing.T) {
				changes := maps.Clone(settings)
				maps.Copy(changes, small()[one.Name])
				k, err := one.Settings(changes)
				if err != nil {
					t.Fatal(err)
				}
				steps := 0
				r, err := one.Run(t.Context(), env, k, func(trial.Step) { steps++ })
				if err != nil {
					t.Fatal(err)
				}
				for _, row := range r.Rows {
					t.Log(row)
					if len(row) != len(r.Columns) {
						t.Errorf("row %v has %d cells, want %d", row, len(row), len(r.Columns))
					}
				}
				for _, c := range r.Claims {
					t.Logf("%v: %s: %s", c.OK, c.Text, c.Got)
				}
				if r.Won() != (name == "right") || steps == 0 || r.Component == "" {
					t.Errorf("won %v after %d steps on %q, want it won with the right settings alone", r.Won(), steps, r.Component)
				}
			})
		}
	}
	if left := server.SQL("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'workbench%'"); left != "0" {
		t.Errorf("%s schemas are left, want 0", left)
	}
}

func TestWithoutAServer(t *testing.T) {
	for _, one := range postgres.All() {
		if one.Needs != "--postgres" {
			t.Errorf("%s needs %q, want --postgres", one.Name, one.Needs)
		}
		for _, url := range []string{"", "postgres://nobody@127.0.0.1:1/x?sslmode=disable"} {
			k, err := one.Settings(nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := one.Run(t.Context(), trial.Env{Clock: clock.NewWall(), Postgres: url}, k, func(trial.Step) {}); !errors.Is(err, trial.ErrMissing) {
				t.Errorf("%s at %q = %v, want ErrMissing", one.Name, url, err)
			}
		}
	}
}
