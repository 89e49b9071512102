import Packed
