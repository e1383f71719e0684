"""Who calls whom, while what an attribute holds is still being found out."""


def test_methods_that_are_first_walked_for_what_an_heir_does(scanned):
    found = scanned(
        main="""\
            import time
            class Block:
                def load(self):
                    self.server = find(self.url())
                    self.rest()
                def url(self): ...
                def rest(self):
                    time.sleep(1)
                async def f(self):
                    return self.server.split()
            class Heir(Block):
                def load(self):
                    super().load()
                def url(self): ...
            async def g(heir: Heir):
                heir.rest()
            """
    )
    assert [[step.line for step in call.chain] for call in found] == [[16, 8]]
