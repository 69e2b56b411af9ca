package aws

import (
	"context"
	"errors"
	"fmt"
)

// maxPages bounds one list; at the sizes asked for it is a million resources
// and more of one account and region.
const maxPages = 20_000

// pages calls fetch for one page after the other until there is no next one. A
// list that goes in circles or has no end is an error, as what it leaves out
// would be taken for gone.
func pages(ctx context.Context, fetch func(token *string) (next *string, err error)) error {
	var token *string
	for range maxPages {
		if err := ctx.Err(); err != nil {
			return err
		}
		next, err := fetch(token)
		if err != nil {
			return err
		}
		if next == nil || *next == "" {
			return nil
		}
		if token != nil && *token == *next {
			return errors.New("the list repeats a page: the service at this address is at fault")
		}
		token = next
	}
	return fmt.Errorf("the list has more than %d pages; read fewer regions or kinds in one source", maxPages)
}
