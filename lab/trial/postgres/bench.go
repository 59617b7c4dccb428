package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	store "workbench/lab/store/postgres"
	"workbench/lab/trial"
)

// All returns the trials of this room.
func All() []trial.Trial {
	return []trial.Trial{lostUpdate(), workQueue(), longTransaction(), partitions(), plans(), poolSize()}
}

const flag = "--postgres"

// mark is the comment by which a schema is known to be a trial's.
const mark = "Traffic Workbench: tables of a trial, made and removed by it"

// bench is a schema of its own in the learner's database.
type bench struct {
	pool    *pgxpool.Pool
	schema  string
	version string
}

// open makes a trial's schema anew, with its tables, and a pool of connections
// in which names are looked up there and nowhere else.
func open(ctx context.Context, env trial.Env, name string, conns int, tables string) (*bench, error) {
	if env.Postgres == "" {
		return nil, fmt.Errorf("PostgreSQL is %w: start the workbench with --postgres URL", trial.ErrMissing)
	}
	config, err := store.Parse(env.Postgres)
	if err != nil {
		return nil, err
	}
	b := &bench{schema: "workbench_trial_" + strings.ReplaceAll(name, "-", "_")}
	config.MaxConns = int32(conns)
	config.ConnConfig.ConnectTimeout = 5 * time.Second
	config.ConnConfig.RuntimeParams["application_name"] = "workbench " + name
	config.ConnConfig.RuntimeParams["search_path"] = b.schema
	if b.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("PostgreSQL is %w: %w", trial.ErrMissing, err)
	}
	if err := b.pool.QueryRow(ctx, "SELECT current_setting('server_version')").Scan(&b.version); err != nil {
		b.pool.Close()
		return nil, fmt.Errorf("PostgreSQL is %w: %w", trial.ErrMissing, store.Explain(ctx, err))
	}
	if err := b.drop(ctx); err != nil {
		b.pool.Close()
		return nil, err
	}
	if _, err := b.pool.Exec(ctx, "CREATE SCHEMA "+b.schema+"; COMMENT ON SCHEMA "+b.schema+" IS '"+mark+"';"+tables); err != nil {
		return nil, errors.Join(fmt.Errorf("make the tables: %w", store.Explain(ctx, err)), b.close())
	}
	return b, nil
}

// drop removes the schema, if it is a trial's.
func (b *bench) drop(ctx context.Context) error {
	var comment string
	err := b.pool.QueryRow(ctx, "SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = $1", b.schema).Scan(&comment)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err == nil && comment != mark {
		err = fmt.Errorf("the schema %q is not a trial's, so it is left alone: rename it, or use another database", b.schema)
	}
	if err == nil {
		_, err = b.pool.Exec(ctx, "DROP SCHEMA "+b.schema+" CASCADE")
	}
	return err
}

// close removes the schema and ends the connections, also when the trial was
// broken off.
func (b *bench) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := b.drop(ctx)
	b.pool.Close()
	return err
}

func (b *bench) component() string { return "PostgreSQL " + b.version }

func (b *bench) exec(ctx context.Context, query string, args ...any) error {
	_, err := b.pool.Exec(ctx, query, args...)
	return err
}

// number returns the one number that a query answers.
func (b *bench) number(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = b.pool.QueryRow(ctx, query, args...).Scan(&n)
	return n, err
}

// together runs n workers and returns the first error, which ends the others.
func together(ctx context.Context, n int, work func(ctx context.Context, worker int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for w := range n {
		all.Go(func() {
			if err := work(ctx, w); err != nil {
				cancel(err)
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// code returns the SQLSTATE of an error, or "".
func code(err error) string {
	var e interface{ SQLState() string }
	if errors.As(err, &e) {
		return e.SQLState()
	}
	return ""
}

// node is one node of a plan as EXPLAIN (ANALYZE, FORMAT JSON) gives it.
type node struct {
	Type    string  `json:"Node Type"`
	Table   string  `json:"Relation Name"`
	Rows    float64 `json:"Actual Rows"`
	Loops   float64 `json:"Actual Loops"`
	Removed float64 `json:"Rows Removed by Filter"`
	Hit     int64   `json:"Shared Hit Blocks"`
	Read    int64   `json:"Shared Read Blocks"`
	Plans   []node  `json:"Plans"`
}

// plan is what a query did.
type plan struct {
	Root node    `json:"Plan"`
	Took float64 `json:"Execution Time"` // ms
}

// explain runs a query and returns what it did, as figures and as text.
func (b *bench) explain(ctx context.Context, query string, args ...any) (p plan, text string, err error) {
	var raw []byte
	if err := b.pool.QueryRow(ctx, "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+query, args...).Scan(&raw); err != nil {
		return p, "", err
	}
	var all []plan
	if err := json.Unmarshal(raw, &all); err != nil || len(all) != 1 {
		return p, "", fmt.Errorf("read a plan: %w", errors.Join(err, fmt.Errorf("%d plans", len(all))))
	}
	var lines []string
	describe(all[0].Root, 0, &lines)
	return all[0], strings.Join(lines, "\n"), nil
}

func describe(n node, depth int, lines *[]string) {
	line := strings.Repeat("  ", depth) + n.Type
	if n.Table != "" {
		line += " on " + n.Table
	}
	line += fmt.Sprintf(": %.0f rows × %.0f", n.Rows, n.Loops)
	if n.Removed > 0 {
		line += fmt.Sprintf(", %.0f more read and thrown away", n.Removed*n.Loops)
	}
	*lines = append(*lines, fmt.Sprintf("%s, %d pages", line, n.Hit+n.Read))
	for _, c := range n.Plans {
		describe(c, depth+1, lines)
	}
}

// read returns how many rows the plan's scans have looked at.
func (n node) read() float64 {
	sum := 0.0
	if n.Table != "" && n.Loops > 0 {
		sum = (n.Rows + n.Removed) * n.Loops
	}
	for _, c := range n.Plans {
		sum += c.read()
	}
	return sum
}

// tables returns the tables that the plan has scanned.
func (n node) tables() []string {
	var out []string
	if n.Table != "" && n.Loops > 0 {
		out = append(out, n.Table)
	}
	for _, c := range n.Plans {
		out = append(out, c.tables()...)
	}
	return out
}
