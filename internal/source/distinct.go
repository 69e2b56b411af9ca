package source

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
)

// ReadDistinct is Read in which a resource that an earlier record of the same
// input has is a bad line: which of the two is true only a person knows. Bad
// lines come in the order of the input.
func ReadDistinct(name string, r io.Reader, opts Options, each func(Item) error) ([]BadLine, error) {
	seen := make(map[arnHash]int)
	var again []BadLine
	bad, err := Read(name, r, opts, func(item Item) error {
		arn := value(item.Resource.ResourceArn)
		key := hashARN(arn)
		first, known := seen[key]
		if !known {
			seen[key] = item.Line
			return each(item)
		}
		if len(again) == MaxBadLines {
			return ErrTooManyBadLines
		}
		again = append(again, BadLine{item.Line, fmt.Sprintf("%s is on line %d already", arn, first)})
		return nil
	})
	bad = append(bad, again...)
	slices.SortStableFunc(bad, func(a, b BadLine) int { return cmp.Compare(a.Line, b.Line) })
	return bad, err
}

// arnHash stands for an ARN where millions of them are kept.
type arnHash [16]byte

func hashARN(arn string) arnHash {
	sum := sha256.Sum256([]byte(arn))
	return arnHash(sum[:16])
}
