//go:build unix

package pgtest

// Attach starts a replica that no commit waits for.
func (c *Cluster) Attach() error {
	err := c.run(
		`"$bin/pg_basebackup" -h "$dir" -p 5432 -U reeve -D replica -R -X stream -c fast`,
		`chmod 700 replica`,
	)
	if err != nil {
		return err
	}
	return c.Start(Follower)
}
