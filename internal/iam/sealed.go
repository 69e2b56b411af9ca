package iam

import "fmt"

// Seal seals a small secret of the deployment with the master key, under a
// name that [Directory.Unseal] needs again.
func (d *Directory) Seal(name string, plain []byte) []byte { return d.seal.seal(name, plain) }

// Unseal opens what Seal made under the same name.
func (d *Directory) Unseal(name string, sealed []byte) ([]byte, error) {
	plain, err := d.seal.open(name, sealed)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return plain, nil
}
