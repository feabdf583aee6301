"""Train a model; `python launch.py --help` lists the flags. See jaxpad/launch/."""

from jaxpad.launch import main


if __name__ == "__main__":
    main()
