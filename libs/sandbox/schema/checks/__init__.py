"""What kube-apiserver checks of built-in kinds beyond types, by kind."""
