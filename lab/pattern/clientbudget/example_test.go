package clientbudget_test

import (
	"fmt"

	"workbench/lab/pattern/clientbudget"
	"workbench/sim/load"
	"workbench/sim/retry"
)

// An outage: 10000 users fail every try, and each would retry three times.
func Example() {
	var c load.Client
	c.Retries = 3
	clientbudget.Defaults().Apply(&c)
	budget := retry.NewBudget(c.Budget, retry.DefaultBurst)
	tries := 0
	for range 10_000 {
		budget.Request()
		tries++
		for range c.Retries {
			if !budget.Take() {
				break
			}
			tries++
		}
	}
	fmt.Println("without a budget: 40000 tries; with 10 %:", tries)
	// Output:
	// without a budget: 40000 tries; with 10 %: 11009
}
