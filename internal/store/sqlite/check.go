package sqlite

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"reeve/internal/store/sqlconn"
)

// Check reads the whole file and returns ErrDamaged with what is wrong with
// its structure, if anything. thorough also holds every index against its
// table. What rows say is not looked at: that is for package license.
func (d *DB) Check(ctx context.Context, thorough bool) error {
	pragma := "PRAGMA quick_check(5)"
	if thorough {
		pragma = "PRAGMA integrity_check(5)"
	}
	var found []string
	err := d.View(ctx, func(c sqlconn.Conn) error {
		return c.Query(pragma, nil, func(r sqlconn.Row) error {
			if text := r.Text(0); text != "ok" {
				found = append(found, strings.Join(strings.Fields(text), " "))
			}
			return nil
		})
	})
	if err == nil && len(found) > 0 {
		err = fmt.Errorf("%w: %w", sqlconn.ErrDamaged, errors.New(strings.Join(found, "; ")))
	}
	if err != nil {
		return fmt.Errorf("check database %s: %w", d.path, err)
	}
	return nil
}
