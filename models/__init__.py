"""What a caption is made of: preprocessing, networks, engines, decoding, bundles."""
