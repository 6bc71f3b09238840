/** An operation makes no sense where it stands: it names what is not there, or asks for what there is no way to do. */
export class Unplayable extends Error {
  override readonly name = "Unplayable";
}
